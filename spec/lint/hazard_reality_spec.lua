-- What the hazard rules claim, asked of a server: each script of the fixtures runs on tables that have rows; then
-- pg_locks says what it holds, relfilenode what was written anew, and the transaction's own counters what was read.

local fixtures = require "spec.lint.hazard_fixtures"
local Hazards = require "dixis.lint.hazard.context"
local history = require "spec.support.history"
local locks_of = require "dixis.lint.hazard.locks"
local pg = require "host.pg"
local server = require "spec.support.server"
local sql = require "host.sql"

local connection
-- A database of its own: REFRESH, DETACH and others CONCURRENTLY wait for whoever else is in it.
local function connect()
  connection = connection or assert(pg.connect(server.database "hazard"))
  return connection
end

local function run(text)
  for _, statement in ipairs(assert(sql.parse(text))) do
    local ok, err = connection:query(text:sub(statement.first, statement.last))
    if not ok then return nil, err end
  end
  return true
end

-- What is rolled back leaves the tables as they were.
local sound = false

local function prepare(fixture, changes)
  connect()
  if sound and not fixture.setup and not changes then return end
  sound = not fixture.setup and not changes
  assert(run [[
    RESET ROLE; RESET ALL; SET client_min_messages = error;
    DROP SCHEMA IF EXISTS other, another CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public]])
  assert(run(fixtures.base))
  assert(run(fixtures.rows))
  if fixture.setup then assert(run(fixture.setup)) end
end

-- Table -> files of it and of its indexes, and how often it was read as a whole in this transaction.
local tables_query <const> = [[
  SELECT n.nspname || '.' || c.relname AS key, c.oid::text, pg_relation_filenode(c.oid)::text AS file,
    (SELECT 'public.' || inhparent::regclass FROM pg_inherits WHERE inhrelid = c.oid) AS parent,
    (SELECT string_agg(pg_relation_filenode(i.indexrelid)::text, ' ')
      FROM pg_index i WHERE i.indrelid = c.oid) AS indexes,
    (SELECT sum(pg_stat_get_xact_numscans(t.relid)) FROM (
      SELECT relid FROM pg_partition_tree(c.oid) UNION SELECT c.oid) AS t(relid))::int AS scans
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname IN ('public', 'other') AND c.relkind IN ('r', 'p', 'm')]]

local function look()
  local found <const> = {}
  for _, row in ipairs(assert(connection:query(tables_query))) do
    found[row.key] = { oid = row.oid, file = row.file, parent = row.parent, indexes = row.indexes, scans = tonumber(row.scans) }
  end
  return found
end

local order <const> = { AccessShareLock = 1, RowShareLock = 2, RowExclusiveLock = 3, ShareUpdateExclusiveLock = 4,
  ShareLock = 5, ShareRowExclusiveLock = 6, ExclusiveLock = 7, AccessExclusiveLock = 8 }

-- oid -> strongest lock that the transaction holds on it.
local function held()
  local found <const> = {}
  for _, row in ipairs(assert(connection:query [[
    SELECT relation::text, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted]])) do
    if not found[row.relation] or order[row.mode] > order[found[row.relation]] then found[row.relation] = row.mode end
  end
  return found
end

-- "SHARE ROW EXCLUSIVE" -> "ShareRowExclusiveLock"
local function catalog_name(mode)
  return (mode:lower():gsub("(%a)(%a*)%s?", function(first, rest) return first:upper() .. rest end)) .. "Lock"
end

-- An index that fits the new type as it is gets another oid, but keeps its file.
local function indexes_changed(before, after)
  for file in (after.indexes or ""):gmatch "%S+" do
    if not (" " .. (before.indexes or "") .. " "):find(" " .. file .. " ", 1, true) then return true end
  end
  return false
end

-- How long the lock is held, as the rules say it.
local function what_happened(before, after)
  if before.file ~= after.file then return "rewrite" end
  if after.scans > before.scans then return "read" end
  if indexes_changed(before, after) then return "indexes" end
  return "nothing"
end

local as_seen <const> = { rewrite = "rewrite", scan = "read", index = "read", indexes = "read", empty = "rewrite",
  held = "nothing" }

local function findings_of(fixture, text)
  local options <const> = { enable = { [fixture.rule] = true } }
  for name, value in pairs(fixture.options or {}) do options[name] = value end
  local scripts <const> = { fixtures.base, fixture.setup or "SELECT 1;", text }
  local list <const> = {}
  for _, finding in ipairs(history.lint(scripts, options).findings) do
    if finding.migration:find "_m3$" then list[#list + 1] = finding end
  end
  return list
end

-- Table -> strongest lock that lint thinks the script takes.
local function thought(fixture, text)
  local locked <const>, found = Hazards.locked, {}
  Hazards.locked = function(self, on, mode, long)
    if self.lint.migration:find "_m3$" then found[on.key] = locks_of.stronger(found[on.key], mode) end
    return locked(self, on, mode, long)
  end
  local ok, err = pcall(findings_of, fixture, text)
  Hazards.locked = locked
  assert.is_true(ok, err)
  return found
end

-- Every lock of the script that keeps others from writing, and no other.
local function compare_locks(fixture, text, before, locks)
  local known <const>, wrong <const> = thought(fixture, text), {}
  for key, state in pairs(before) do
    local real <const> = locks[state.oid]
    local said <const> = known[key] and catalog_name(known[key])
    local matters <const> = math.max(order[real] or 0, order[said] or 0) >= order.ShareLock
    -- What is done to a partitioned table is done to its partitions: those are not told apart.
    local of_parent <const> = state.parent and known[state.parent] and not said
    if matters and real ~= said and not of_parent then wrong[#wrong + 1] = ("%s: %s, not %s"):format(key, real, said) end
  end
  table.sort(wrong)
  assert.same({}, wrong)
end

local function compare(finding, before, after, locks)
  local effect <const> = finding.effect
  if not effect or not effect.lock then return end
  local name <const> = effect.table
  assert.equal(catalog_name(effect.lock), locks[before[name].oid], finding.message)
  for _, other in ipairs(effect.also or {}) do
    assert.equal(catalog_name(other.lock), locks[before[other.on.key].oid], finding.message)
  end
  if after[name] then
    assert.equal(as_seen[effect.long] or "nothing", what_happened(before[name], after[name]), finding.message)
  end
end

local function in_transaction(text, fails)
  assert(connection:query "BEGIN")
  local before <const> = look()
  local ok, err = run(text)
  if fails then
    connection:query "ROLLBACK"
    assert.is_nil(ok)
    return nil, nil, nil, err
  end
  assert.is_truthy(ok, err and err.message)
  local after <const>, locks <const> = look(), held()
  assert(connection:query "ROLLBACK")
  return before, after, locks
end

local function one_by_one(text, fails)
  local before <const> = look()
  local ok, err = run(text)
  if fails then
    assert.is_nil(ok)
    return nil, nil, err
  end
  assert.is_truthy(ok, err and err.message)
  return before, look()
end

describe("hazards, asked of a server:", function()
  for _, fixture in ipairs(fixtures.list) do
    local name <const> = ("%s: %s"):format(fixture.rule, fixture.bad:gsub("%s+", " "):sub(1, 90))
    it(name, function()
      if fixture.unable then return assert(sql.parse(fixture.bad)) end
      prepare(fixture, fixture.alone)
      if fixture.fails then
        local _, _, third, fourth = (fixture.alone and one_by_one or in_transaction)(fixture.bad, true)
        assert.equal(fixture.fails, (fourth or third).sqlstate)
      elseif fixture.alone then
        local before <const>, after <const> = one_by_one(fixture.bad)
        for _, finding in ipairs(findings_of(fixture, fixture.bad)) do
          local effect <const> = finding.effect
          if effect and effect.long == "rewrite" then
            assert.not_equal(before[effect.table].file, after[effect.table].file)
          end
        end
      else
        local before <const>, after <const>, locks <const> = in_transaction(fixture.bad)
        for _, finding in ipairs(findings_of(fixture, fixture.bad)) do
          if finding.rule == fixture.rule then compare(finding, before, after, locks) end
        end
        compare_locks(fixture, fixture.bad, before, locks)
        for key, mode in pairs(fixture.locks or {}) do assert.equal(catalog_name(mode), locks[before[key].oid], key) end
        if fixture.scans then assert.is_true(after[fixture.scans].scans > before[fixture.scans].scans) end
      end
    end)

    it(name .. " (its twin)", function()
      prepare(fixture, fixture.alone or fixture.alone_good)
      if fixture.alone or fixture.alone_good then
        one_by_one(fixture.good)
        return
      end
      local before <const>, after <const>, locks <const> = in_transaction(fixture.good)
      compare_locks(fixture, fixture.good, before, locks)
      local claims
      for _, finding in ipairs(findings_of(fixture, fixture.bad)) do
        claims = claims or (finding.rule == fixture.rule and finding.effect and finding.effect.long)
      end
      local others <const> = { ["update-everything"] = true, ["wide-index"] = true, ["refresh-blocks"] = true }
      if not claims or others[fixture.rule] then return end
      for key, state in pairs(before) do
        local blocks <const> = (order[locks[state.oid]] or 0) >= order.ShareLock
        if after[key] and blocks then assert.equal("nothing", what_happened(state, after[key]), key) end
      end
    end)
  end

  for _, entry in ipairs(fixtures.newer) do
    it(("PostgreSQL %d: %s"):format(entry[1], entry[2]), function()
      prepare(entry, entry.alone)
      if entry.alone then one_by_one(entry[2]) else in_transaction(entry[2]) end
    end)
  end
end)
