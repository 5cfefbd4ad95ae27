local sql = require "host.sql"
local clock = require "host.clock"
local cjson = require "cjson"

local function statements(text)
  local found = assert(sql.parse(text))
  local texts = {}
  for i, statement in ipairs(found) do texts[i] = text:sub(statement.first, statement.last) end
  return texts, found
end

local function failure(text)
  local found, err = sql.parse(text)
  assert.is_nil(found)
  return err
end

describe("sql.parse", function()
  it("gives each statement's range, place, node and tree", function()
    local text = '-- Ä first\nCREATE TABLE "Ä" (id int);\n\n  /* a /* b */ c */ CREATE INDEX x ON "Ä" (id) ;'
    local texts, found = statements(text)
    assert.same({ 'CREATE TABLE "Ä" (id int)', 'CREATE INDEX x ON "Ä" (id)' }, texts)
    assert.same({ 2, 1, "CreateStmt" }, { found[1].line, found[1].column, found[1].node })
    assert.same({ 4, 21, "IndexStmt" }, { found[2].line, found[2].column, found[2].node })
    assert.equal("Ä", cjson.decode(found[1].tree).relation.relname)
    assert.equal("x", cjson.decode(found[2].tree).idxname)
  end)

  it("counts columns in characters", function()
    local _, found = statements("SELECT 'ΑΒΓ'; SELECT 2")
    assert.equal(15, found[2].column)
  end)

  it("leaves out what follows the statement", function()
    assert.same({ "SELECT 1", "SELECT 2", "SELECT 3" },
      (statements("SELECT 1 /* x */ ; ; SELECT 2 -- y\n; SELECT 3 -- end\n/* more */\n")))
  end)

  it("is not misled by what looks like a comment or an end", function()
    local all = {
      "SELECT '--'", "SELECT '/*', ';'", 'SELECT "--;"', "SELECT E'\\'--;'", "SELECT 'it''s --'",
      "SELECT $$ -- ; $$", "SELECT $a$ $$ ; -- $a$", "SELECT a$b$ FROM t", "SELECT 1 - -1", "SELECT 2*3",
      "SELECT E'a'\n  '\\'--b'", "SELECT U&'\\0441--'", "SELECT e, 'x\\'",
      "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
      "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)",
    }
    assert.same(all, (statements(table.concat(all, ";\n") .. " -- last\n")))
    for _, one in ipairs(all) do
      assert.same({ one }, (statements("/* before */" .. one .. " /* after */ -- ;")))
    end
  end)

  it("finds nothing in nothing", function()
    for _, text in ipairs { "", " \n", "-- only\n", "/* x */", ";;;" } do assert.same({}, (statements(text))) end
  end)

  it("says where the error is, in bytes and in characters", function()
    local err = failure("SELECT 'Ä';\nSELECT 'ΑΒ' FRM x;")
    assert.equal("syntax", err.kind)
    assert.equal('syntax error at or near "x"', err.message)
    assert.same({ 32, 2, 17 }, { err.position, err.line, err.column })
    err = failure("SELECT (")
    assert.same({ "syntax error at end of input", 9, 1, 9 }, { err.message, err.position, err.line, err.column })
  end)

  it("refuses a NUL byte instead of stopping there", function()
    local err = failure("SELECT 1;\nSELECT '\0'")
    assert.same({ "syntax", 2, 9, 19 }, { err.kind, err.line, err.column, err.position })
    assert.matches("NUL", err.message)
  end)

  it("refuses what is not UTF-8 and says where", function()
    for _, bad in ipairs { "\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe0\x80\x80", "\x80" } do
      local err = failure("-- one\n-- \u{10FFFF}\nSELECT '" .. bad .. "'")
      assert.same({ "syntax", 3, 9 }, { err.kind, err.line, err.column })
      assert.matches("UTF%-8", err.message)
    end
    assert.equal(1, #assert(sql.parse "SELECT '\u{7FF}\u{800}\u{D7FF}\u{E000}\u{FFFF}\u{10000}\u{10FFFF}'"))
  end)

  it("explains a byte order mark", function()
    assert.matches("byte order mark", failure("\u{FEFF}SELECT 1").hint)
    assert.is_nil(failure("SELEC 1").hint)
  end)

  it("refuses a script that is too large", function()
    assert.equal("too_large", failure(("-"):rep((64 << 20) + 1)).kind)
  end)

  it("parses what nests deeply", function()
    local chains = {
      "+1", " UNION ALL SELECT 1, 2", "::a", " COLLATE b", " OR (x AND f(1, 2))", "||'a'", " /*,*/+ 1",
    }
    for _, link in ipairs(chains) do
      local text = "SELECT 1" .. link:rep(40000)
      assert.same({ text }, (statements(text)))
    end
    local join = "SELECT 1 FROM a" .. (" JOIN b ON (c, d) = (e, f)"):rep(40000)
    assert.same({ join }, (statements(join)))
    assert.equal("syntax", failure("SELECT " .. ("("):rep(100000)).kind)
    assert.equal("syntax", failure("SELECT " .. ("f("):rep(100000) .. ("1,2)"):rep(100000)).kind)
  end)

  it("refuses what nests absurdly deep", function()
    local err = failure("SELECT 1" .. ("+1"):rep(1000000))
    assert.equal("too_large", err.kind)
    assert.matches("levels deep", err.message)
    err = failure("SELECT 1, 2" .. (" union SELECT 1, 2"):rep(600000))
    assert.equal("too_large", err.kind)
  end)

  it("does not take a long list for a deep one", function()
    local rows = ("(1, 'a', now()), "):rep(200000)
    local text = "INSERT INTO t VALUES " .. rows .. "(1, 'b', now())"
    assert.same({ text }, (statements(text)))
  end)

  it("is fast on many statements", function()
    local text = ('CREATE TABLE "abcdefgh" ("id" TEXT NOT NULL, CONSTRAINT x PRIMARY KEY ("id"));\n'):rep(10000)
    local start = clock.now()
    local found = assert(sql.parse(text))
    assert.equal(10000, #found)
    assert.same({ 10000, 1 }, { found[10000].line, found[10000].column })
    assert.is_true(clock.now() - start < 5)
  end)

  it("raises when it is not given a text", function()
    assert.has_error(function() sql.parse(nil) end)
  end)
end)

describe("sql.fingerprint and sql.normalise", function()
  it("do not tell literals apart", function()
    assert.equal(sql.fingerprint "SELECT 1 FROM a WHERE b = 'x'", sql.fingerprint "select 22 FROM a WHERE b = 'yy'")
    assert.not_equal(sql.fingerprint "SELECT 1 FROM a", sql.fingerprint "SELECT 1 FROM b")
    assert.matches("^%x+$", sql.fingerprint "SELECT 1")
    assert.equal("UPDATE a SET b = $1 WHERE c = $2", sql.normalise "UPDATE a SET b = 'secret' WHERE c = 5")
    assert.equal("ALTER USER a PASSWORD $1", sql.normalise "ALTER USER a PASSWORD 'secret'")
  end)

  it("fail where the parser does", function()
    for _, call in ipairs { sql.fingerprint, sql.normalise } do
      local text, err = call "SELECT 1;\nSELEC 2"
      assert.is_nil(text)
      assert.same({ "syntax", 2, 1 }, { err.kind, err.line, err.column })
      assert.equal("syntax", select(2, call "\0").kind)
    end
  end)

  it("survive what nests deeply", function()
    local deep = "SELECT 1" .. ("+1"):rep(200000)
    assert.equal(sql.fingerprint(deep), sql.fingerprint(deep .. " "))
    assert.matches("^SELECT %$1%+%$2", sql.normalise(deep))
  end)
end)

describe("quoting", function()
  it("quotes an identifier only when it needs to be", function()
    for _, name in ipairs { "a", "_a1", "name", "value", "abort" } do assert.equal(name, sql.quote_identifier(name)) end
    for _, name in ipairs { "Order", "order", "user", "1a", "a b", "a$b", "é", "select", "between", "left", "a-b" } do
      assert.equal('"' .. name .. '"', sql.quote_identifier(name))
    end
    assert.equal('"a""b"', sql.quote_identifier 'a"b')
    assert.has_error(function() sql.quote_identifier "" end)
    assert.has_error(function() sql.quote_identifier "a\0b" end)
  end)

  it("gives an identifier that the parser reads back", function()
    for _, name in ipairs { "a", "Order", "user", 'x"y', "ΑΒ", "table", "  ", "a;b", "int", "values" } do
      local found = assert(sql.parse("SELECT * FROM " .. sql.quote_identifier(name)))
      assert.equal(name, cjson.decode(found[1].tree).fromClause[1].RangeVar.relname)
    end
  end)

  it("gives a literal that the parser reads back", function()
    assert.equal("'a'", sql.quote_literal "a")
    assert.equal("'it''s'", sql.quote_literal "it's")
    for _, value in ipairs { "", "a'b", "\\", "\\'", "'\\n", "a\nb", "Ä''", "%s" } do
      local found = assert(sql.parse("SELECT " .. sql.quote_literal(value)))
      local constant = cjson.decode(found[1].tree).targetList[1].ResTarget.val.A_Const
      assert.equal(value, constant.sval.sval or "")
    end
    assert.has_error(function() sql.quote_literal "a\0b" end)
  end)
end)

describe("sql.tree", function()
  local scripts <const> = {
    "SELECT 'a\"b\\c/\b\f\n\r\t\1<>' AS \"Ä €\", -1, 2147483647, 1.5, true, NULL",
    "CREATE TABLE \"it's\" (a int DEFAULT 0, b text[] CHECK (b <> '{}'), \"q\"\"q\" int)",
    "INSERT INTO t VALUES " .. ("(1, 'x'), "):rep(100) .. "(2, 'y')", "CREATE TYPE e AS ENUM ()", "BEGIN",
  }

  it("gives what a JSON decoder gives", function()
    for _, text in ipairs(scripts) do
      local tree <const> = sql.parse(text)[1].tree
      assert.same(cjson.decode(tree), sql.tree(tree))
    end
  end)

  it("gives integers, and shares names", function()
    local names <const> = {}
    local first <const> = sql.tree(sql.parse("SELECT a FROM t")[1].tree, names)
    local second <const> = sql.tree(sql.parse("SELECT a FROM u")[1].tree, names)
    local function name_of(tree) return tree.targetList[1].ResTarget.val.ColumnRef.fields[1] end
    assert.equal("integer", math.type(first.targetList[1].ResTarget.location))
    assert.equal("a", name_of(first).String.sval)
    assert.is_true(rawequal(name_of(first), name_of(second)))
  end)

  it("refuses what is no tree, and what nests absurdly deep", function()
    for _, text in ipairs { "", "{", "[1", '{"a"}', '{"a":}', "nul", '"\\x"', '"\\u12"', "[1]x", "-", ("["):rep(5000) } do
      local tree, err = sql.tree(text)
      assert.is_nil(tree)
      assert.equal("too_large", err.kind)
    end
  end)
end)

describe("sql.parse_plpgsql", function()
  it("gives the statements of a body", function()
    local text <const> = sql.parse_plpgsql(
      "DO $$ DECLARE n int := 1; BEGIN IF n > 0 THEN DROP TABLE t; END IF; EXCEPTION WHEN others THEN NULL; END $$")
    local found <const> = cjson.decode(text)
    local block <const> = found[1].PLpgSQL_function.action.PLpgSQL_stmt_block
    local inner <const> = block.body[1].PLpgSQL_stmt_block or block
    local branch <const> = inner.body[1].PLpgSQL_stmt_if
    assert.equal("n > 0", branch.cond.PLpgSQL_expr.query)
    assert.equal("DROP TABLE t", branch.then_body[1].PLpgSQL_stmt_execsql.sqlstmt.PLpgSQL_expr.query)
  end)

  it("fails where the body is none", function()
    local tree, err = sql.parse_plpgsql("DO $$ BEGIN IF $$")
    assert.is_nil(tree)
    assert.equal("syntax", err.kind)
  end)
end)
