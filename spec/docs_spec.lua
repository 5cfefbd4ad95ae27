-- The documentation against the program: words, fields, examples, links, options, events.
local capabilities = require "dixis.capabilities"
local dixis = require "spec.support.dixis"
local duration = require "dixis.duration"
local fs = require "host.fs"
local process = require "host.process"
local run = require "dixis.run"
local vocabulary = require "dixis.vocabulary"

local pages <const> = { "README.md" }
for _, folder in ipairs { "docs", "docs/operations" } do
  for _, entry in ipairs(assert(fs.list(folder))) do
    if entry.name:match "%.md$" then pages[#pages + 1] = folder .. "/" .. entry.name end
  end
end

local function read(path)
  return (assert(fs.read(path)))
end

-- Calls fn(line, is_code) for each line; fences themselves are left out.
local function each_line(text, fn)
  local fenced = false
  for line in (text .. "\n"):gmatch "(.-)\n" do
    if line:match "^%s*```" then fenced = not fenced else fn(line, fenced or line:match "^    " ~= nil) end
  end
end

local function lua_blocks(text)
  local blocks = {}
  for block in text:gmatch "\n```lua\n(.-)\n```" do blocks[#blocks + 1] = block .. "\n" end
  return blocks
end

local function sorted(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- Headings with the tables under them: heading -> list of rows, each a list of cells.
local function tables_of(text)
  local tables, rows = {}, nil
  each_line(text, function(line, code)
    if code then return end
    local heading = line:match "^#+ (.+)$"
    if heading then
      rows = {}
      tables[heading] = rows
    elseif rows and line:match "^| `" then
      local cells = {}
      for cell in line:gmatch "| ([^|]*) %f[|]" do cells[#cells + 1] = cell end
      rows[#rows + 1] = cells
    end
  end)
  return tables
end

-- The words of `run`, as its own complaint about an unknown one lists them, and its methods.
local function words_of_run()
  local book = { uses = {}, chunks = {}, options = {} }
  local given = capabilities.new(run.new { id = "docs", book = book, options = {}, settings = {} })
  local _, complaint = pcall(function() return given.a_word_that_does_not_exist end)
  local words, methods = { target = true }, { db = {}, file = {} }
  for name in complaint:match "%(known: (.*)%)":gmatch "[%l_]+" do words[name] = true end
  local source = read "lib/dixis/capabilities.lua"
  for name in source:gmatch "\nfunction Database:(%l+)%(" do methods.db[name] = true end
  for name in source:gmatch "\nfunction File:(%l+)%(" do methods.file[name] = true end
  assert(words.exec and methods.db.exec and methods.file.write)
  return words, methods, given.clock
end

describe("the reference of runbooks", function()
  local text <const> = read "docs/runbooks.md"
  local tables <const> = tables_of(text)

  local function default_of(field)
    local value = field.default
    if field.required then return "required" end
    if value == nil then return nil end
    if type(value) == "table" then
      local items = {}
      for i, item in ipairs(value) do items[i] = ("%q"):format(item) end
      return #items > 0 and "{ " .. table.concat(items, ", ") .. " }" or "{}"
    end
    return tostring(field.type == "duration" and math.tointeger(value) or value)
  end

  local function check_fields(heading, fields)
    local rows = assert(tables[heading], "there is no heading " .. heading)
    local documented, known = {}, {}
    for _, row in ipairs(rows) do
      local name, where = row[1]:match "^`([%w_]+)`$", heading .. " " .. row[1]
      documented[name] = true
      local field = assert(fields[name], where .. " does not exist")
      assert.equal(field.type, row[2], where)
      local wanted, given = default_of(field), row[3]:gsub("`", "")
      if field.type == "duration" and wanted and wanted ~= "required" then given = tostring(duration.parse(given)) end
      if wanted then assert.equal(wanted, (given:gsub("%.0$", "")), where) end
      if not wanted then assert.not_equal("required", given, where) end
      if field.positional then assert.matches("*alone*", row[4], 1, true) end
    end
    for name in pairs(fields) do known[name] = true end
    assert.same(sorted(known), sorted(documented), heading)
  end

  it("has every word with every field, its type and its default, and no other", function()
    local known, documented = {}, {}
    for kind, definitions in pairs(vocabulary.definitions()) do
      for _, definition in ipairs(definitions) do
        local heading, fields = ("`%s.%s`"):format(kind, definition.type), {}
        known[heading] = true
        for name, field in pairs(definition.fields or {}) do
          fields[name] = setmetatable({ positional = definition.positional == name }, { __index = field })
        end
        check_fields(heading, fields)
      end
    end
    for heading in pairs(tables) do
      if heading:match "^`%a+%.[%w_]+`$" and heading ~= "`dixis.runbook`" then documented[heading] = true end
    end
    assert.same(sorted(known), sorted(documented))
  end)

  it("has every field of a runbook and of what extends it", function()
    local fields = require("dixis.runbook").fields
    check_fields("`dixis.runbook`", fields.runbook)
    check_fields("Target", fields.target)
    check_fields("Uses", fields.uses)
    check_fields("Watching", fields.watch)
    check_fields("Guarding", fields.guard)
    check_fields("What the guard stops", fields.guard_abort)
    check_fields("Extending", require("dixis.extend").fields)
    check_fields("People", require("dixis.people").fields)
    check_fields("A person", require("dixis.people").person_fields)
    check_fields("Signing", fields.sign)
    local options, types = {}, {}
    for name, field in pairs(fields.option) do options[name] = field end
    for _, row in ipairs(tables.Options) do
      local name = row[1]:match "^`(%l+)`$"
      if #row == 2 then types[name] = true end
    end
    assert.same(sorted(require("dixis.runbook").option_types), sorted(types))
    local described = {}
    for _, row in ipairs(tables.Options) do
      if #row > 2 then described[#described + 1] = row end
    end
    tables.Options = described
    check_fields("Options", options)
  end)

  it("has the fields that all words share", function()
    local shown = {}
    for _, row in ipairs(tables["Every item"]) do shown[row[1]:gsub("`", "")] = true end
    assert.same({ "always", "deadline", "name", "when" }, sorted(shown))
  end)

  it("has all that code in a runbook is given", function()
    local known, methods, clock = words_of_run()
    for name in pairs(methods.db) do known["db:" .. name] = true end
    for name in pairs(methods.file) do assert.matches("`run.file:" .. name .. "(", text, 1, true) end
    for name in pairs(clock) do assert.matches("`" .. name .. "(", text, 1, true) end
    local documented = {}
    for _, row in ipairs(tables["`run`: what code is given"]) do
      documented[row[1]:match "^`run%.([%w_:]+)"] = true
    end
    assert.same(sorted(known), sorted(documented))
  end)
end)

describe("the editor's description of the vocabulary", function()
  local files <const> = { "dixis", "dixis_gate", "dixis_step", "dixis_check", "dixis_notice", "dixis_run" }
  local texts <const> = {}
  for i, file in ipairs(files) do texts[i] = read(("lib/meta/%s.lua"):format(file)) end
  local text <const> = table.concat(texts, "\n")

  -- class -> set of its fields
  local function classes()
    local found, class = {}, nil
    for line in text:gmatch "[^\n]+" do
      class = line:match "^%-%-%-@class ([%w_.]+)" or class
      local field = line:match "^%-%-%-@field ([%w_]+)%??"
      found[class or ""] = found[class or ""] or {}
      if field then found[class][field] = true end
    end
    return found
  end

  it("is Lua", function()
    for i, file in ipairs(files) do assert(load(texts[i], "@lib/meta/" .. file .. ".lua", "t", {})) end
  end)

  it("has every word and every field, and no other", function()
    local found, known = classes(), {}
    for kind, definitions in pairs(vocabulary.definitions()) do
      for _, definition in ipairs(definitions) do
        local word = kind .. "." .. definition.type
        known[word] = true
        assert.matches(("\nfunction dixis.%s(given) end\n"):format(word), text, 1, true)
        if next(definition.fields or {}) then
          local fields = {}
          for name in pairs(definition.fields) do
            if name ~= "name" then fields[name] = true end -- every item has that one
          end
          local documented = assert(found["dixis." .. word], word)
          documented.name = nil
          assert.same(sorted(fields), sorted(documented), word)
        end
      end
    end
    for word in text:gmatch "\nfunction dixis%.(%a+%.[%w_]+)%(" do
      assert.is_true(known[word], word .. " does not exist")
    end
  end)

  it("has all that code in a runbook is given", function()
    local known, methods = words_of_run()
    assert.same(sorted(known), sorted(classes()["dixis.run"]))
    for name in pairs(methods.db) do assert.matches("\nfunction Database:" .. name .. "(", text, 1, true) end
    for name in pairs(methods.file) do assert.matches("\nfunction File:" .. name .. "(", text, 1, true) end
  end)
end)

describe("the examples of the documentation", function()
  local folder
  local blocks <const> = {}
  for _, page in ipairs(pages) do
    for i, block in ipairs(lua_blocks("\n" .. read(page))) do
      local path = block:match "^%-%- (%S+)\n"
      blocks[#blocks + 1] = { page = page, path = path, text = block, label = ("%s, example %d"):format(page, i),
        runbook = block:find("dixis.runbook", 1, true) or block:find("dixis.extend", 1, true) }
    end
  end

  setup(function()
    folder = dixis.project { git = false }
    assert.equal(0, dixis.run({ "init" }, { cwd = folder }).code)
  end)
  teardown(function() fs.remove(folder) end)

  local function put(block)
    assert(block.path, block.label .. " does not begin with the name of its file")
    assert(fs.mkdir(folder .. "/" .. block.path:match "^(.+)/"))
    assert(fs.write(folder .. "/" .. block.path, block.text))
  end

  it("are there", function() assert.is_true(#blocks >= 4) end)

  for _, block in ipairs(blocks) do
    if block.runbook then
      it("can be planned: " .. block.label, function()
        put(block)
        local result = dixis.run({ "plan", block.path }, { cwd = folder })
        -- One that needs to be told something cannot be planned without it.
        if result.stderr:find("needs --set", 1, true) then return end
        assert.equal(0, result.code, result.stderr)
        assert.matches("\ndigest ", result.stdout, 1, true)
        -- The way back looks at no migration.
        if result.stdout:find("\nMigrations", 1, true) then assert.matches("7 pending", result.stdout, 1, true) end
      end)
    else
      it("are Lua: " .. block.label, function()
        assert(load(block.text, "@" .. block.label, "t", {}) or load("return {" .. block.text .. "}", "", "t", {}))
      end)
    end
  end

  it("have specs that succeed", function()
    for _, block in ipairs(blocks) do
      if block.path then put(block) end
    end
    for _, block in ipairs(blocks) do
      if block.path and block.path:match "_spec%.lua$" then
        local result = dixis.run({ "spec", block.path }, { cwd = folder })
        assert.equal(0, result.code, result.stdout .. result.stderr)
      end
    end
  end)
end)

describe("the pages", function()
  -- As GitHub names headings.
  local function anchors_of(text)
    local anchors = {}
    each_line(text, function(line, code)
      local heading = not code and line:match "^#+ (.+)$"
      if heading then
        anchors[heading:lower():gsub("[^%w%s_-]", ""):gsub(" ", "-")] = true
      end
    end)
    return anchors
  end

  for _, page in ipairs(pages) do
    it("link to files and headings that exist: " .. page, function()
      local text = read(page)
      local here = page:match "^(.*/)" or ""
      each_line(text, function(line, code)
        if code then return end
        for link in line:gmatch "%]%(([^)%s]+)%)" do
          if not link:match "^https?:" then
            local file, anchor = link:match "^([^#]*)#?(.*)$"
            local path = file == "" and page or here .. file
            assert(fs.stat(path), ("%s: there is no %s"):format(page, path))
            if anchor ~= "" then
              assert.is_true(anchors_of(read(path))[anchor], ("%s: %s has no heading #%s"):format(page, path, anchor))
            end
          end
        end
      end)
    end)
  end

  it("name only options of the command line that exist", function()
    local options, all = {}, {}
    for _, verb in ipairs { "run", "plan", "lint", "history", "show", "verify", "init", "spec" } do
      local help = dixis.run { verb, "--help" }
      assert.equal(0, help.code)
      options[verb] = {}
      for option in help.stdout:gmatch "%-%-[%a-]+" do
        options[verb][option], all[option] = true, true
      end
    end
    all["--version"] = true
    local seen = 0
    local function check(command, where)
      local verb, rest = command:match "dixis (%l+)(.*)$"
      if not verb then
        local alone = command:match "^%-%-%a[%a-]*"
        if alone then
          seen = seen + 1
          assert.is_true(all[alone], ("%s: %s does not exist"):format(where, alone))
        end
        return
      end
      if not options[verb] then return end
      for option in (" " .. rest:gsub("[#|;].*", "")):gmatch " (%-%-[%a-]+)" do
        seen = seen + 1
        assert.is_true(options[verb][option], ("%s: dixis %s has no %s"):format(where, verb, option))
      end
    end
    for _, page in ipairs(pages) do
      each_line(read(page), function(line, code)
        if code then check(line, page) end
        for span in line:gmatch "`([^`]+)`" do
          if not code then check(span, page) end
        end
      end)
    end
    assert.is_true(seen > 10)
  end)
end)

describe("the page about journals", function()
  it("has every event that the program writes, and no other", function()
    local written, documented = {}, {}
    local function scan(path)
      for _, entry in ipairs(assert(fs.list(path))) do
        local inner = path .. "/" .. entry.name
        if entry.type == "directory" then
          scan(inner)
        elseif inner:match "%.lua$" then
          for call in read(inner):gmatch "%f[%w](emit%([^\n]*)" do
            for name in call:match "^[^,]*":gmatch '"([%l_.]+)"' do written[name] = true end
          end
          for name in read(inner):gmatch '%f[%w]intend[%( ]+"([%l_.]+)"' do written[name] = true end
        end
      end
    end
    scan "lib/dixis"
    for _, row in ipairs(tables_of(read "docs/journal.md")["Events"]) do
      for name in row[1]:gmatch "`([%l_.]+)`" do documented[name] = true end
    end
    assert.same(sorted(written), sorted(documented))
  end)

  it("has a check of the chain, with standard tools, that finds what was changed", function()
    local folder <close> = setmetatable({ path = dixis.project { git = false } },
      { __close = function(self) fs.remove(self.path) end })
    local script = assert(read "docs/journal.md":match "```python\n(.-)```")
    local path = assert(fs.mkdtemp "/tmp/dixis-docs-") .. "/chain.py"
    assert(fs.write(path, script))
    dixis.run({ "run", "staging" }, { cwd = folder.path })
    local _, journal = dixis.journal(folder.path)
    local function check()
      return assert(process.run({ "python3", path, journal }, { env = { PATH = process.getenv "PATH" } }))
    end
    local fine = check()
    assert.equal(0, fine.code, fine.stderr)
    local proof = dixis.run({ "verify", journal }).stdout
    assert.matches(fine.stdout:match "%x+%s*$":gsub("%s+$", ""), proof, 1, true)
    local text = read(journal)
    assert(fs.write(journal, (text:gsub('"name":"secret"', '"name":"secreT"', 1))))
    assert.not_equal(0, check().code)
    fs.remove(path:match "^(.+)/")
  end)
end)
