-- A target's URL as Prisma accepts it, taken apart for libpq.
--
-- What is wrong with a URL is told without showing any of it: people paste them into tickets. So a
-- message holds no text of the URL but a scheme or a parameter's name, and those only when nothing of
-- a badly encoded password can be in that place.

local url_query = require "dixis.target.url_query"
local url_text = require "dixis.target.url_text"

local decode <const>, encoded <const>, fail <const> = url_text.decode, url_text.encoded, url_text.fail

local url = {}

---@class dixis.Target
---@field params table<string, string|integer>  for pg.connect: host, port, dbname, user, password, ...
---@field host string        or the folder of a socket
---@field port integer
---@field database string
---@field user string
---@field schema? string     of ?schema=
---@field pgbouncer boolean  of ?pgbouncer=true
---@field ignored string[]   Prisma's parameters that mean nothing here
---@field display string     "database on host:port"
---@field redact fun(text: string): string  the text without the password in any form

-- Text that came along when the URL was copied: quotes, blanks, a variable's name.
local function check_surroundings(text)
  if text == "" then return fail "it is empty" end
  if text:find "^%s*$" then return fail "it has only white space" end
  if text:find "^%s" or text:find "%s$" then
    local what = text:find "\n%s*$" and "a line break at its end" or "white space around it"
    return fail("it has " .. what, "store it again without; a secret store keeps every character that was pasted")
  end
  for _, quote in ipairs { '"', "'", "`", "\u{201C}", "\u{201D}", "\u{2018}", "\u{2019}" } do
    if text:sub(1, #quote) == quote or text:sub(-#quote) == quote then
      return fail("it has quotes around it", "store it again without them; only a shell's command line takes them off")
    end
  end
  if text:find "^psql%s" then return fail("it begins with the command psql", "store only the URL") end
  if text:find "^[%u_]+=" then
    return fail("it begins with the name of a variable", "store only what follows the '='")
  end
  if text:find "[%s%c]" then
    return fail("it has white space or a control character in it", "write a space as %20, and the URL on one line")
  end
  for _, invisible in ipairs { "\u{FEFF}", "\u{200B}", "\u{A0}", "\u{2060}" } do
    if text:find(invisible, 1, true) then
      return fail("it has an invisible character in it", "type it anew instead of copying it from a page")
    end
  end
  return true
end

local other_schemes <const> = url_text.set [[
  mysql mariadb sqlite file sqlserver mongodb mongodb+srv cockroachdb prisma prisma+postgres http https jdbc libsql]]

local function check_scheme(text)
  local scheme = text:match "^([%w+]+):"
  local lower = scheme and scheme:lower()
  if lower == "postgresql" or lower == "postgres" then
    local rest = text:match "^[%w+]+://(.*)$"
    if rest then return rest end
    return fail "after the scheme there must be '://'"
  end
  if not other_schemes[lower] then return fail "it does not begin with postgresql://" end
  if lower:find "^prisma" then
    return fail(("the scheme '%s' is Prisma's own service, not a PostgreSQL server"):format(lower),
      "migrations need the direct URL of the database, postgresql://...")
  end
  return fail(("the scheme '%s' is not PostgreSQL's"):format(lower))
end

-- The user and password are all before the LAST '@': a password that was not encoded stays inside.
local function take_user(rest)
  local userinfo, after = rest:match "^(.*)@(.*)$"
  if not userinfo then return fail "it names no user: there is no '@' before the host" end
  local char = userinfo:match "[/?#@]"
  if char then
    return fail(("there is an unencoded '%s' before the last '@'"):format(char),
      ("in the user and password write '%s' as %s; an '@' after the host is %%40"):format(char, encoded(char)))
  end
  local user, colon, written = userinfo:match "^([^:]*)(:?)(.*)$"
  if written:find(":", 1, true) then
    return fail("there is an unencoded ':' in the password", "write ':' in the password as %3A")
  end
  if user == "" then return fail "it names no user before the '@'" end
  local name, err = decode(user, "user")
  if not name then return nil, err end
  local password, problem = decode(written, "password")
  if not password then return nil, problem end
  return { user = name, password = colon ~= "" and password ~= "" and password or nil, written = written }, after
end

local function take_port(text)
  if not text then return 5432 end
  local port = text:find "^%d+$" and #text <= 5 and math.tointeger(tonumber(text))
  if not port or port < 1 or port > 65535 then
    return fail("the port is not a number from 1 to 65535",
      "after the host comes ':5432' or nothing; if this is the password, an '@' is missing or misplaced")
  end
  return port
end

local function take_host(authority)
  local host, port_text
  if authority:find("[", 1, true) == 1 then
    local address, after = authority:match "^%[([%x:.]+)%](.*)$"
    if not address or not address:find(":", 1, true) or (after ~= "" and after:sub(1, 1) ~= ":") then
      return fail("the address in [ ] is not an IPv6 address", "it looks like [2001:db8::1]:5432")
    end
    host, port_text = address, after ~= "" and after:sub(2) or nil
  else
    host, port_text = authority:match "^([^:]*):?(.*)$"
    if not authority:find(":", 1, true) then port_text = nil end
    if host:find(",", 1, true) then return fail("it names several hosts", "name the primary alone") end
    if host:find "^%%2[Ff]" then
      local err
      host, err = decode(host, "host")
      if not host then return nil, err end
    elseif host:find "[^%w._-]" then
      return fail "the host has a character that no host name has"
    end
  end
  local port, err = take_port(port_text)
  if not port then return nil, err end
  return host, port
end

local function build(user, host, port, database, query)
  local params <const> = { host = host, port = port, dbname = database, user = user.user, password = user.password }
  local ignored <const> = url_query.apply(query, params)
  host = params.host
  local place <const> = (host:find "^[^/].*:" and "[%s]:%d" or "%s:%d"):format(host, port)
  return {
    params = params, host = host, port = port, database = database, user = user.user, schema = query.schema,
    pgbouncer = query.pgbouncer == "true", ignored = ignored, display = database .. " on " .. place,
    redact = url_text.redactor(user.password, user.written),
  }
end

--- Takes a URL apart.
---@param text string
---@return dixis.Target? target
---@return dixis.Error? err  kind "url"; its texts hold nothing of the user or password
function url.parse(text)
  local fine, err = check_surroundings(text)
  if not fine then return nil, err end
  local rest, scheme_err = check_scheme(text)
  if not rest then return nil, scheme_err end
  local user, after = take_user(rest)
  if not user then return nil, after end
  if after:find("#", 1, true) then
    return fail("there is an unencoded '#' after the host", "write '#' as %23")
  end
  local before_query, query_text = after:match "^([^?]*)%??(.*)$"
  local authority, path = before_query:match "^([^/]*)/?(.*)$"
  local host, port = take_host(authority)
  if not host then return nil, port end
  if path == "" then return fail "it names no database: nothing follows the host's '/'" end
  if path:find("/", 1, true) then
    return fail("there is more than one '/' after the host", "a '/' in the database's name is written %2F")
  end
  local database, path_err = decode(path, "database name")
  if not database then return nil, path_err end
  local query, query_err = url_query.parse(query_text)
  if not query then return nil, query_err end
  if host == "" and not query.host then return fail "it names no host" end
  return build(user, host, port, database, query)
end

return url
