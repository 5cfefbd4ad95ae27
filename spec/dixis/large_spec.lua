-- A script that the parser is given in pieces, through lint and through a deploy: what is said of its end is what is
-- said of a small one.

local dixis = require "spec.support.dixis"
local fs = require "host.fs"
local history = require "spec.support.history"
local migrations = require "spec.support.migrations"
local pg = require "host.pg"
local server = require "spec.support.server"

-- Nothing to lint, much to parse: several pieces, and more trees than are kept of a script.
local lines <const> = {}
for i = 1, 60 do lines[i] = ("PREPARE p%d AS SELECT ARRAY[1%s];\n"):format(i, (", 1"):rep(8000)) end
local padding <const> = table.concat(lines)

local first <const> = [[
CREATE TABLE a (id int PRIMARY KEY, price float DEFAULT 1.5, state text CHECK (state <> 'x'));
CREATE FUNCTION area() RETURNS int LANGUAGE sql AS 'SELECT 1; SELECT 2';
]]
local second <const> = [[
  ALTER TABLE "a" ADD COLUMN "added" int NOT NULL DEFAULT (1 + 2); /* Ä */ DROP TABLE missing; ALTER TABLE a
    ADD COLUMN b uuid DEFAULT gen_random_uuid(), ALTER COLUMN state TYPE varchar(3), ADD CHECK (id > 0);
SELECT set_config('search_path', 'x', false); CREATE INDEX ON a (state);
CREATE TABLE an_identifier_that_is_longer_than_the_sixty_three_bytes_that_are_kept_of_it (id int);
UPDATE a SET price = 2; CREATE INDEX CONCURRENTLY late ON a (price);
SELECT 'Ä' FRM x;
]]

local function findings(script)
  local result <const> = history.lint { first, script }
  assert.is_true(#result.findings > 10)
  return result.findings, result.counts
end

describe("a large script", function()
  it("is read by lint as a small one is", function()
    local expected <const> = findings(second)
    local found <const> = findings(padding .. second)
    for _, finding in ipairs(expected) do
      if finding.migration:find "m2$" then
        finding.line = finding.line + #lines
        finding.statement_index = finding.statement_index and finding.statement_index + #lines
        -- Others are told of the lines of others.
        finding.message = finding.message:gsub("line (%d+)", function(line) return "line " .. line + #lines end)
      end
    end
    assert.same(expected, found)
  end)

  it("is deployed, and its errors are placed, as those of a small one", function()
    local params <const> = server.database "large"
    local folder = migrations.project { ["1_large"] = padding .. "CREATE TABLE a (x int);\n  INSERT INTO b VALUES (1);" }
    local result = migrations.deploy(folder, params)
    assert.equal(1, result.code, result.stdout)
    assert.matches("1_large/migration.sql:62", result.stdout, 1, true)
    assert(fs.remove(folder))

    folder = migrations.project { ["1_large"] = padding .. "CREATE TABLE a (x int);\n  INSERT INTO a VALUES (1);" }
    local deployed, events = migrations.deploy(folder, params)
    assert.equal(0, deployed.code, deployed.stdout)
    local conn <close> = assert(pg.connect(params))
    assert.equal(1, assert(conn:query "SELECT x FROM a")[1][1])
    local applied <const> = dixis.event(events, "migration.applied")
    assert.equal(62, applied.statements)
    assert.same({ 1, 62 }, { applied.times[1].line, applied.times[62].line })
    assert(fs.remove(folder))
  end)
end)
