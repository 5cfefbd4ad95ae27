-- A large script is parsed in pieces. Whatever their size: what comes out is what parsing in one go gives.

local sql = require "host.sql"

local fields <const> = { "first", "last", "line", "column", "node", "tree" }

local function copy(statements, backwards)
  local out <const> = {}
  for i = backwards and #statements or 1, backwards and 1 or #statements, backwards and -1 or 1 do
    out[i] = {}
    for _, name in ipairs(fields) do out[i][name] = statements[i][name] end
  end
  return out
end

-- One go is a piece of any size.
local function same(text, size)
  local expected <const>, expected_err = sql.parse(text, 1 << 40)
  local found <const>, err = sql.parse(text, size)
  local context <const> = ("pieces of %d bytes of:\n%s"):format(size, #text < 2000 and text or text:sub(1, 2000))
  assert.same(expected_err, err, context)
  if not expected then return assert.is_nil(found) end
  assert.same(copy(expected), copy(found), context)
  return #expected
end

local statements <const> = {
  "SELECT 1", "SELECT 'a;b', -1 -- c;d", "SELECT 'it''s;' /* ; /* ' */ ; */ , 2", "BEGIN", "COMMIT", "",
  'CREATE TABLE "a;Ä" (id int DEFAULT 0, "b""c;" text[] CHECK (b <> \'{;}\'))', "SELECT E'\\';', U&'d\\0061;', N'x;', B'1'",
  "DO $$ BEGIN PERFORM 1; END; $$", "SELECT $a$;$$;$b$;$a$, a$b$ FROM c$$d", "SELECT E'a;'\n '\\';'",
  "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END", "CREATE TABLESPACE x LOCATION '/y'",
  "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)", "INSERT INTO t VALUES (1, 'a'), (2, '\"location\":3')",
  'SELECT "location:", \'\\"location":1\', "x\\"', "ALTER TABLE t ADD COLUMN c int NOT NULL, ALTER d TYPE text USING d::text",
  "CREATE INDEX CONCURRENTLY i ON s.t USING gin (lower(c) desc) WHERE c IS NOT NULL", "SELECT 1 /* ;\n */\n\n",
  "CREATE FUNCTION g(a int, b text = ';') RETURNS int LANGUAGE sql AS 'SELECT 1;'", "SELECT 1, (SELECT 2), ARRAY[3] -- ;\n",
  "WITH a AS (SELECT 1) SELECT interval '1' day, x::int, CASE WHEN y THEN 1 END FROM a JOIN b USING (c)",
  "CREATE SCHEMA s CREATE TABLE t (a int) CREATE VIEW v AS SELECT 1", "SELECT 'ΑΒΓ', \"Ä\" FROM é",
}
local broken <const> = { "SELEC 1", "SELECT 'x", "SELECT (1", "SELECT 1)", "DO $$", "/* ", '"', "SELECT 1 1", "CREATE TABLE (",
  "SELECT E'\\u00zz'", "BEGIN ATOMIC SELECT 1", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1", "SELECT [", "\v",
  "SELECT 1 LIMIT 1 LIMIT 2", "SELECT U&'\\00'", "SELECT 0$$", "SELECT 1$$", "SELECT $1$$", "SELECT 1E'\\'" }
local ends <const> = { ";", ";\n", ";;", " ; -- x;y\n", "\n;\n/* ;\n */ ", ";\r\n", ";\t;" }

describe("sql.parse in pieces", function()
  it("gives what one go gives of random scripts", function()
    math.randomseed(5)
    local function pick(list) return list[math.random(#list)] end
    local right, wrong = 0, 0
    for _ = 1, 2000 do
      local parts <const> = {}
      for i = 1, math.random(0, 12) do
        parts[i] = (math.random(40) == 1 and pick(broken) or pick(statements)) .. pick(ends)
      end
      if math.random(3) == 1 then parts[#parts + 1] = pick(statements) end
      local count <const> = same(table.concat(parts), math.random(3) == 1 and 1 or math.random(200))
      if count then right = right + 1 else wrong = wrong + 1 end
    end
    assert.is_true(right > 100 and wrong > 100)
  end)

  it("gives what one go gives wherever one statement of another follows", function()
    for _, one in ipairs(statements) do
      for _, other in ipairs(statements) do
        for _, between in ipairs(ends) do same(one .. between .. other .. ";SELECT 1", 1) end
      end
      for _, other in ipairs(broken) do
        for _, between in ipairs(ends) do
          same(one .. between .. other .. "; " .. one, 1)
          same(other .. between .. one .. "; " .. other .. ";", 1)
        end
      end
    end
  end)

  it("gives what one go gives of the corpus", function()
    for _, name in ipairs { "alone", "bytes", "copy_psql", "large", "ledger", "newer", "quoting", "sessions", "settings",
      "transactions" } do
      for _, case in ipairs(require("spec.corpus." .. name)) do
        local text <const> = type(case[3]) == "function" and case[3]() or case[3]
        local small <const> = #text < 10000
        for _, size in ipairs(small and { 1, 10, 100 } or { 200000 }) do same(text, size) end
      end
    end
  end)

  it("cuts behind a body, not in it", function()
    local body <const> = "BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; SELECT (CASE 1 WHEN 1 THEN 2 END); END"
    local text <const> = ("CREATE FUNCTION f() RETURNS int %s;\n"):format(body):rep(2)
    same(text, 1)
    assert.is_nil(getmetatable(sql.parse(text)[1])) -- in one go
    assert.is_table(getmetatable(sql.parse(text, 1)[1]))
  end)

  it("gives trees in any order", function()
    local text <const> = table.concat(statements, "\n;\n"):rep(5, "\n;\n")
    local found <const> = assert(sql.parse(text, 300))
    assert.same(copy(assert(sql.parse(text))), copy(found, true))
    found[3].tree = nil
    assert.equal(sql.parse(text)[3].tree, found[3].tree)
    assert.is_nil(found[3].body)
  end)

  it("explains a byte order mark, and says where an error is, in a late piece", function()
    local text <const> = "\u{FEFF}" .. ("SELECT 'Ä';\n"):rep(100)
    same(text, 50)
    local _, err = sql.parse(("SELECT 'Ä';\n"):rep(100) .. "SELECT 'ΑΒ' FRM x", 50)
    assert.same({ "syntax", 101, 17 }, { err.kind, err.line, err.column })
  end)

  it("parses what nests deeply in pieces, too", function()
    local deep <const> = "SELECT 1" .. ("+1"):rep(20000)
    same(("SELECT 1;" .. deep .. ";"):rep(3), 100)
  end)

  it("refuses more than a million statements", function()
    local _, err = sql.parse(("SHOW x;"):rep(1000001))
    assert.equal("too_large", err.kind)
    assert.matches("more than 1000000 statements", err.message)
  end)

  it("takes a script whose trees would be too large at once", function()
    local statement <const> = "SELECT 1" .. (",1"):rep(9999) .. ";\n"
    local text <const> = statement:rep(320)
    local found <const> = assert(sql.parse(text))
    assert.equal(320, #found)
    assert.same({ 320, 1 }, { found[320].line, found[320].column })
    assert.is_true(#found[320].tree * 320 > 256 << 20)
  end)

  it("raises for a size that is none", function()
    assert.has_error(function() sql.parse("SELECT 1", 0) end)
    assert.has_error(function() sql.parse("SELECT 1", "x") end)
  end)
end)
