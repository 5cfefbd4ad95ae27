-- Command lines by argparse, without its way of ending the process.

local argparse = require "argparse"
local errors = require "dixis.errors"
local tty = require "host.tty"

local options = {}

--- A parser for `dixis VERB`.
---@param verb string
---@param description string
---@return table parser  of argparse
function options.parser(verb, description)
  local parser = argparse("dixis " .. verb, description):add_help(false)
  parser:flag("-h --help", "Print this and do nothing.")
  return parser
end

--- Parses; nil when help was asked for (and printed). Raises errors of kind "usage".
---@param parser table
---@param arguments string[]
---@return table?
function options.parse(parser, arguments)
  for _, argument in ipairs(arguments) do
    if argument == "--" then break end
    if argument == "-h" or argument == "--help" then
      tty.write("stdout", parser:get_help() .. "\n")
      return nil
    end
  end
  local ok, result = parser:pparse(arguments)
  if ok then return result end
  local message = tostring(result):gsub("\nDid you mean ([^\n]*)%?$", " (did you mean %1?)")
  errors.raise("usage", message, { hint = parser:get_usage():gsub("%s+", " ") })
end

--- "NAME=VALUE" pairs of --set, checked against the runbook's options; defaults filled in.
---@param book dixis.Runbook
---@param pairs_given string[]
---@return table<string, any>
function options.resolve(book, pairs_given)
  local near = require "dixis.near"
  local runbook = require "dixis.runbook"
  local values = {}
  for name, option in pairs(book.options) do values[name] = option.default end
  for _, pair in ipairs(pairs_given) do
    local name, text = pair:match "^([^=]+)=(.*)$"
    if not name then errors.raise("usage", ("--set %s: must be NAME=VALUE"):format(pair)) end
    local option = book.options[name]
    if not option then
      errors.raise("usage", ("--set: the runbook '%s' has no option '%s'%s"):format(book.name, name,
        near.suggest(name, near.keys(book.options))))
    end
    local value, problem = runbook.option_value(option, text)
    if problem then errors.raise("usage", ("--set %s=%s: %s"):format(name, text, problem), { hint = option.help }) end
    values[name] = value
  end
  for _, name in ipairs(near.keys(book.options)) do
    local option = book.options[name]
    if option.required and values[name] == nil then
      local choices = option.choices and " (" .. table.concat(option.choices, " or ") .. ")" or ""
      errors.raise("usage", ("the runbook '%s' needs --set %s=...: %s%s"):format(book.name, name, option.help, choices))
    end
  end
  return values
end

return options
