-- check.log: the application's log files hold no error from since the run began.

local errors = require "dixis.errors"
local fs = require "host.fs"
local words = require "dixis.words"

local function first_match(line, patterns)
  for _, pattern in ipairs(patterns) do
    if line:find(pattern) then return pattern end
  end
end

-- Where a file ends now; one that is not there yet will begin at 0.
local function look(path)
  local stat, err = fs.stat(path)
  if stat then return { offset = stat.size, file = stat.file } end
  if err.code == "ENOENT" then return { offset = 0 } end
  errors.refuse(("the log %s cannot be read: %s"):format(path, err.message), "see the option of its path, and its mode")
end

-- A file that is another one now, or shorter, was rotated: all of it is new.
local function read_since(path, was, max)
  local stat, err = fs.stat(path)
  if not stat and err.code == "ENOENT" then return nil, "is not there" end
  local from = stat and (was.file == nil or was.file == stat.file) and stat.size >= was.offset and was.offset or 0
  local text
  if stat then text, err = fs.read(path, max, from) end
  if text then return text, nil, from end
  if err.kind == "too_large" then return nil, ("grew by more than %d MB"):format(max >> 20) end
  return nil, err.message
end

-- Its lines can hold anything of anybody: how many and where is enough to find them.
local function count_errors(text, args)
  local count, first, at = 0, nil, 1
  for line in text:gmatch "[^\n]*\n?" do
    if first_match(line, args.patterns) and not first_match(line, args.ignore) then
      count = count + 1
      first = first or at
    end
    at = at + #line
  end
  return count, first
end

return {
  type = "log",
  positional = "files",
  fields = {
    files = { type = "list", required = true, help = "log files" },
    patterns = { type = "list", default = { "ERROR", "FATAL", "PANIC" }, help = "Lua patterns of lines that are errors" },
    ignore = { type = "list", default = {}, help = "Lua patterns of lines that are none all the same" },
    allowed = { type = "integer", default = 0, help = "how many errors are still right" },
    max_size = { type = "integer", default = 16 << 20, help = "bytes of new lines to read of one file; more is red" },
  },
  uses = function(args) return { read = args.files } end,
  describe = function(args) return ("no error in %s"):format(words.count(#args.files, "log file")) end,
  before = function(_, args)
    local marks = {}
    for i, path in ipairs(args.files) do marks[i] = look(path) end
    return ("%s marked where they end now"):format(words.count(#args.files, "log file")), marks
  end,
  act = function(_, args, marks)
    local unread, found, total, where = {}, {}, 0, nil
    for i, path in ipairs(args.files) do
      local text, problem, from = read_since(path, marks[i], args.max_size)
      if not text and (problem ~= "is not there" or marks[i].file) then
        unread[#unread + 1] = ("%s %s"):format(path, problem)
      elseif text then
        local count, first = count_errors(text, args)
        total = total + count
        if count > 0 then
          found[#found + 1] = ("%s in %s"):format(words.count(count, "error"), path)
          where = where or ("tail -c +%d %s"):format(from + first, path)
        end
      end
    end
    if total > args.allowed or #unread > 0 then
      table.move(unread, 1, #unread, #found + 1, found)
      return false, table.concat(found, "\n"), where and "read from the first on: " .. where
    end
    return true, total == 0 and "no error since the run began" or ("%s, %d allowed"):format(words.count(total, "error"),
      args.allowed)
  end,
}
