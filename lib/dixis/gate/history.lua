-- gate.history: the database's history is a prefix of the folder's. Anything else is refused unless an
-- option allows that very thing; what was allowed is in the record.

local lazy = require "dixis.lazy"
local words = require "dixis.words"

local errors = require "dixis.errors"
local triage_text = lazy "dixis.migrate.triage_text"

local kinds <const> = {
  edited = true, missing = true, out_of_order = true, renamed = true, doubled = true, baseline = true, no_script = true,
  provider = true,
  -- A half-finished migration is never waved through: Prisma's own engine stops there too.
  failed = false,
}

local function allowed_set(list)
  local set = {}
  for word in (list or ""):gmatch "[%w_]+" do
    if kinds[word] == nil then
      errors.refuse(("unknown word '%s' in the list of what is allowed"):format(word),
        "known: edited, missing, out_of_order, renamed, doubled, baseline, no_script, provider")
    end
    set[word] = kinds[word]
  end
  return set
end

return {
  type = "history",
  positional = "allow",
  fields = { allow = { type = "any", help = "words of what is let through: \"edited, out_of_order\"" } },
  needs_plan = true,
  -- Some of it decides about what the folder has: asked before there is a plan.
  allowed = function(args) return allowed_set(args.allow) end,
  describe = function() return "the target's history agrees with the migrations folder" end,
  act = function(run, args)
    local allowed = allowed_set(args.allow)
    local found, let_through = run.history, {}
    local problems = table.move(found.problems, 1, #found.problems, 1, {})
    for _, problem in ipairs(run:project():folder().let_through) do problems[#problems + 1] = problem end
    if not run.ledger.exists and run.ledger.other_tables > 0 then
      problems[#problems + 1] = { kind = "baseline", name = run.identity.database,
        message = ("has %s but no record of migrations"):format(words.count(run.ledger.other_tables, "table")),
        hint = ("if the first migrations are already in it, record them: %s, NAME being the last of them"):format(
          triage_text.command(run, "adopt", { "upto=NAME" })) }
    end
    local refused = {}
    for _, problem in ipairs(problems) do
      local list = allowed[problem.kind] and let_through or refused
      list[#list + 1] = problem
    end
    for _, problem in ipairs(let_through) do run.bus:emit("history.allowed", problem) end
    if #refused > 0 then
      local lines = {}
      for i, problem in ipairs(refused) do
        if i > 10 then
          lines[i] = ("and %d more"):format(#refused - 10)
          break
        end
        lines[i] = ("%s %s"):format(problem.name, problem.message)
      end
      local overridable = refused[1].kind ~= "failed" and (", or allow it for this run: --set allow=" .. refused[1].kind) or ""
      errors.refuse(table.concat(lines, "\n"), refused[1].hint .. overridable)
    end
    return ("%d applied, %d pending%s"):format(found.applied, #found.pending,
      #let_through > 0 and (", %s let through"):format(words.count(#let_through, "difference")) or "")
  end,
}
