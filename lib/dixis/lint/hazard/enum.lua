-- Values of enums. That a new one is not used in the transaction that adds it, the order rules see to.

local node = require "dixis.lint.node"
local say = require "dixis.lint.hazard.say"
local subject = require "dixis.lint.hazard.subject"

local function alter(_, body, context)
  if not body.oldVal then return end
  local schema <const>, name <const> = node.name(body.typeName)
  local found <const> = context.model:type(schema, name)
  if found and context:fresh_object(found) then return end
  say.report(context, "enum-value-renamed", { object = (schema or "public") .. "." .. name, at = context:find(body.oldVal),
    message = ("the value '%s' of %s is called '%s' from now on: running code that sends or expects the old name fails.")
      :format(body.oldVal, subject.quote(name), body.newVal),
    fix = ("keep the value and rename in the schema file: `@map(\"%s\")`; or add '%s', move the rows and the code to it, and "
      .. "leave '%s' unused"):format(body.oldVal, body.newVal, body.oldVal) })
end

return { AlterEnumStmt = alter }
