-- A database that has tables but no record of migrations: are the effects of the first ones really there?

local effect = require "dixis.migrate.effect"
local effect_catalog = require "dixis.migrate.effect_catalog"
local errors = require "dixis.errors"
local facts = require "dixis.migrate.effect_facts"
local folder = require "dixis.migrate.folder"
local sql = require "host.sql"
local triage = require "dixis.migrate.triage"

local baseline = {}

---@class dixis.Baseline
---@field migrations dixis.Migration[]  up to the named one; empty when it is not in the folder
---@field statements integer
---@field missing { file: string, line: integer, state: string, note?: string, text: string }[]
---@field unseen { file: string, line: integer, text: string }[]  what the catalog cannot show
---@field unread string[]               files that the parser does not understand
---@field also string[]                 later migrations whose effects are there as well

local function up_to(migrations, name)
  for i, migration in ipairs(migrations) do
    if migration.name == name then return table.move(migrations, 1, i, 1, {}), i end
  end
  return {}, 0
end

-- A later one that is there already would fail when it is deployed.
local function also_there(catalog, migrations, after)
  local out = {}
  for i = after + 1, #migrations do
    local found = triage.script(catalog, errors.check(folder.text(migrations[i])))
    if found.verdict ~= "present" or #found.statements == 0 then break end
    out[#out + 1] = migrations[i].name
  end
  return out
end

--- Holds the effects of all migrations up to `name` against the catalog, as one history from nothing.
---@async
---@param run dixis.Run
---@param name string
---@return dixis.Baseline
function baseline.read(run, name)
  local all = run:project():migrations()
  local migrations, last = up_to(all, name)
  local out = { migrations = migrations, statements = 0, missing = {}, unseen = {}, unread = {}, also = {} }
  if last == 0 then return out end
  local catalog, places = effect_catalog.new(run:open_session()), {}
  local reader = facts.reader(catalog)
  for _, migration in ipairs(migrations) do
    local text = errors.check(folder.text(migration))
    local parsed, err = sql.parse(text)
    if not parsed and err.kind ~= "syntax" then error(err, 0) end
    if not parsed then out.unread[#out.unread + 1] = migration.file end
    for _, statement in ipairs(parsed or {}) do
      facts.read(reader, statement)
      places[#places + 1] = { file = migration.file, line = statement.line,
        text = triage.excerpt(text:sub(statement.first, statement.last)) }
    end
  end
  out.statements = #places
  for i, one in ipairs(effect.judged(catalog, reader, true)) do
    local place = places[i]
    if one.state == "absent" or one.state == "differs" or one.state == "invalid" then
      place.state, place.note = one.state, one.note
      table.insert(out.missing, place)
    elseif one.state == "unknown" and not one.again then
      table.insert(out.unseen, place)
    end
  end
  if #out.missing == 0 then out.also = also_there(catalog, all, last) end
  return out
end

return baseline
