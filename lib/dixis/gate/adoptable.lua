-- gate.adoptable: the target has no record of migrations, and the effects of the first ones are all there.

local baseline = require "dixis.migrate.baseline"
local errors = require "dixis.errors"
local near = require "dixis.near"
local triage_text = require "dixis.migrate.triage_text"
local words = require "dixis.words"

local SHOWN <const> = 20

local function listed(out, list, line_of)
  for i, one in ipairs(list) do
    if i > SHOWN then
      out[#out + 1] = ("... and %d more"):format(#list - SHOWN)
      break
    end
    out[#out + 1] = line_of(one)
  end
end

local function lines_of(found)
  local out = {}
  listed(out, found.missing, function(one)
    return ("%s:%d  %s: %s"):format(one.file, one.line, triage_text.state(one), one.text)
  end)
  if #found.unseen + #found.unread > 0 then out[#out + 1] = "the catalog does not show these; look at them yourself:" end
  listed(out, found.unseen, function(one) return ("%s:%d  %s"):format(one.file, one.line, one.text) end)
  listed(out, found.unread, function(file) return file .. "  newer syntax than the parser knows" end)
  if #found.also > 0 then
    out[#out + 1] = ("the effects of what comes next are there too, up to %s: should it be upto=%s?"):format(
      found.also[#found.also], found.also[#found.also])
  end
  return out
end

local function refusal(run, name, found)
  if #found.migrations == 0 then
    local names = {}
    for i, migration in ipairs(run:project():migrations()) do names[i] = migration.name end
    return ("there is no migration %s in the folder%s"):format(name, near.suggest(name, names)),
      "give the whole name of its directory, as in 20201207184859_initial_migration"
  end
  if run.ledger.exists and run:open_session():value("SELECT EXISTS (SELECT FROM " .. run.ledger.table .. ")") then
    return "the target has a record of migrations already: it is not adopted a second time",
      "for one migration: " .. triage_text.command(run, "resolve", { "migration=NAME", "as=applied" })
  end
end

return {
  type = "adoptable",
  fields = {
    upto = { type = "any", required = true, help = "the last migration whose effects are in the target" },
    against_evidence = { type = "any", help = "true: also when effects are missing; it is recorded" },
  },
  needs_plan = true,
  describe = function(args)
    return ("no record of migrations, and all effects up to %s are there"):format(tostring(args.upto))
  end,
  evidence = function(run, args)
    local found = baseline.read(run, args.upto)
    local message, hint = refusal(run, args.upto, found)
    if message then return { refusal = message, hint = hint, lines = { message } } end
    return { migrations = #found.migrations, statements = found.statements, missing = #found.missing,
      unseen = #found.unseen + #found.unread, lines = lines_of(found) }
  end,
  act = function(run, args)
    local read = run.plan.evidence[run.current_item]
    if read.refusal then errors.refuse(read.refusal, read.hint) end
    local details = #read.lines > 0 and "\n" .. table.concat(read.lines, "\n") or ""
    local of = ("of %s in %s"):format(words.count(read.statements, "statement"), words.count(read.migrations, "migration"))
    if read.missing > 0 then
      local note = ("the effects of %d %s are not there as they should be"):format(read.missing, of)
      if not args.against_evidence then
        errors.refuse(note .. details, "name an earlier migration: --set upto=NAME; or make what is missing by hand. "
          .. "Only when you know better: --set against_evidence=true")
      end
      run.bus:emit("evidence.overridden", { migration = args.upto, as = "applied", verdict = "partial",
        text = ("all up to %s is recorded as applied against the evidence of the database: %s"):format(args.upto, note) })
      return note .. details
    end
    return ("the effects %s are there%s%s"):format(of,
      read.unseen > 0 and (", but for %d that cannot be seen"):format(read.unseen) or "", details)
  end,
}
