-- Whatever a history is, lint judges it to its end: the fixtures' statements, some of them missing, moved, or about another
-- thing than they were.

local history = require "spec.support.history"
local sql = require "host.sql"

local function add_statements(list, scripts)
  for _, text in pairs(scripts) do
    for _, statement in ipairs(sql.parse(text) or {}) do list[#list + 1] = text:sub(statement.first, statement.last) end
  end
end

local function statements_of_fixtures()
  local list <const> = {}
  for _, group in ipairs { "missing", "duplicate", "unfit" } do
    for _, pair in ipairs(require("spec.lint.fixtures." .. group)) do
      add_statements(list, pair.bad)
      add_statements(list, pair.good)
    end
  end
  return list
end

local function words_of(text)
  local words <const> = {}
  for word in text:gmatch "%a[%w_]*" do words[#words + 1] = word end
  return words
end

describe("lint", function()
  it("does not stumble", function()
    local list <const> = statements_of_fixtures()
    math.randomseed(20240101)
    local judged = 0
    for _ = 1, 250 do
      local parts <const> = {}
      for i = 1, 60 do
        local at <const> = math.random(#list)
        local text = list[at]
        local words <const> = words_of(text)
        -- Like neighbours, so that they are about the same things; here and there one word in the place of another.
        if i % 3 > 0 and list[at + 1] then parts[#parts + 1] = list[at + 1] end
        if #words > 2 and math.random() < 0.3 then
          local changed <const> = text:gsub(words[math.random(#words)], words[math.random(#words)], 1)
          if sql.parse(changed) then text = changed end
        end
        parts[#parts + 1] = text
      end
      local half <const> = #parts // 2
      local result <const> = history.lint { table.concat(parts, ";\n", 1, half) .. ";",
        table.concat(parts, ";\n", half + 1) .. ";" }
      judged = judged + result.statements
    end
    assert.is_true(judged > 15000, judged)
  end)
end)
