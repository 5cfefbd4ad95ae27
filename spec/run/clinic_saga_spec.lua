-- The history that a team mended in three rounds, one CI run at a time, in the clinic: spec/lint/saga_spec.lua tells of it.
local clinics = require "spec.support.clinics"
local fs = require "host.fs"
local repair = require "spec.support.repair"

local clinic, of_type, outline = clinics.clinic, clinics.of_type, clinics.outline

describe("the saga in the clinic", function()
  local folder
  after_each(function() fs.remove(folder) end)

  local function state(number)
    folder = assert(fs.mkdtemp "/tmp/dixis-project-")
    assert(fs.copy_tree("spec/fixtures/saga/" .. number, folder .. "/prisma"))
    return clinic(folder)
  end

  it("shows all of it in one run, and its repairs, applied in one go, make it green", function()
    local result, events = state(1)
    assert.equal(1, result.code, result.stdout)
    local causes = {}
    for _, fault in ipairs(of_type(events, "fault.found")) do
      if fault.kind == "cause" and fault.severity == "error" then
        causes[#causes + 1] = ("%s %s"):format(fault.rule, fault.object)
        repair.edit(fault, folder)
      else
        assert.equal("consequence", fault.kind, fault.message)
      end
    end
    assert.same({ "missing-table public.OrderItem", "missing-table public.Order", "missing-table public.Product" }, causes)
    result, events = clinic(folder)
    assert.equal(0, result.code, result.stdout)
    assert.equal("", outline(events))
  end)

  it("goes on with what each round had left", function()
    for number, wanted in pairs { [2] = { "missing-table public.Order", "missing-table public.Product" },
      [3] = { "duplicate-column public.Order.publicToken" } } do
      local result, events = state(number)
      assert.equal(1, result.code, result.stdout)
      local causes = {}
      for _, fault in ipairs(of_type(events, "fault.found")) do
        if fault.kind == "cause" then
          causes[#causes + 1] = ("%s %s"):format(fault.rule, fault.object)
          repair.edit(fault, folder)
        end
        assert.not_equal("disagreement", fault.kind, fault.message)
      end
      assert.same(wanted, causes)
      result = clinic(folder)
      assert.equal(0, result.code, result.stdout)
      if number == 2 then fs.remove(folder) end
    end
  end)

  it("is green at its end, as it is", function()
    local result, events = state(4)
    assert.equal(0, result.code, result.stdout)
    assert.equal("", outline(events))
  end)
end)
