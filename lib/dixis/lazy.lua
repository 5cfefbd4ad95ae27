-- A module that is loaded when it is first used: a plan should not pay for what only a run needs.

--- Stands for the table that require(name) returns.
---@param name string
---@return table
return function(name)
  return setmetatable({}, {
    __index = function(_, key) return require(name)[key] end,
  })
end
