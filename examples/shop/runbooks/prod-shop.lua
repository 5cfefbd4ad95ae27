-- The shop's production: the built-in runbook with what is the shop's own. `script/demo prod` shows it at work.

local check = dixis.check

return dixis.extend("prod", {
  name = "prod-shop",
  title = "Prisma migrations on the shop's production",

  people = {
    decision_maker = { role = "decides", name = "whoever watches the demo", chat = "this terminal" },
    contacts = { { role = "knows more", name = "the page on production", chat = "docs/operations/production.md" } },
  },

  insert = {
    { after = "schema_valid",
      check.sql { name = "orders_are_there", query = 'SELECT count(*) FROM "Order"', at_least = 1 } },
  },
})
