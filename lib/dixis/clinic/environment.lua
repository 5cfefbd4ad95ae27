-- What the place of the clinic lacks: no fault of a migration.

local environment = {}

local function extension(failure)
  return failure.node == "CreateExtensionStmt"
    and (failure.sqlstate == "0A000" or failure.sqlstate == "58P01" or failure.sqlstate == "22023")
end

--- What is lacking when a statement failed for that; nil when it is the migration's own fault.
---@param failure dixis.clinic.Failure
---@param superuser? boolean  the clinic's own role is one: it lacks no right
---@return { message: string, fix: string }?
function environment.gap(failure, superuser)
  local name = failure.message:match '"([^"]+)"'
  if extension(failure) then
    return { message = ("this server does not have the extension %s"):format(name or "that it asks for"),
      fix = "install its package beside the server, or name a server that has it: --set scratch_on=VARIABLE" }
  elseif failure.sqlstate == "42704" and failure.message:find '^role "' then
    return { message = ("this server does not have the role %s"):format(name),
      fix = "make the role there; on a throw-away server the clinic makes stand-ins: --set roles=true" }
  elseif failure.sqlstate == "42704" and failure.message:find '^collation "' then
    return { message = ("this server does not have the collation %s"):format(name), fix = "install its locale beside the server" }
  elseif failure.sqlstate == "58P01" then
    return { message = "this server lacks a library: " .. failure.message, fix = "install its package beside the server" }
  elseif failure.sqlstate == "55000" and failure.message:find("shared_preload_libraries", 1, true) then
    return { message = failure.message, fix = "name a server that loads it: --set scratch_on=VARIABLE" }
  elseif failure.sqlstate == "42501" and not superuser then
    return { message = "the role may not do this here: " .. failure.message,
      fix = "run the clinic with a role that may, or on a throw-away server: leave scratch_on out" }
  end
end

return environment
