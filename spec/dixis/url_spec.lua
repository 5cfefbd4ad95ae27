local url = require "dixis.target.url"

local function failure(text)
  local target, err = url.parse(text)
  assert.is_nil(target)
  assert.equal("url", err.kind)
  assert.is_string(err.hint)
  return err
end

local function params(text)
  return assert(url.parse(text)).params
end

describe("a target's URL", function()
  it("is taken apart", function()
    local target = assert(url.parse "postgresql://dixis:secret@db.example.com:6543/shop")
    assert.same({ host = "db.example.com", port = 6543, dbname = "shop", user = "dixis", password = "secret" },
      target.params)
    assert.equal("shop on db.example.com:6543", target.display)
    assert.same({ "db.example.com", 6543, "shop", "dixis" }, { target.host, target.port, target.database, target.user })
    assert.is_nil(target.schema)
    assert.is_false(target.pgbouncer)
    assert.same({}, target.ignored)
  end)

  it("has defaults, and both names of its scheme", function()
    assert.equal(5432, params("postgres://u@h/d").port)
    assert.equal(5432, params("POSTGRESQL://u@h/d").port)
    assert.is_nil(params("postgres://u@h/d").password)
    assert.is_nil(params("postgres://u:@h/d").password)
  end)

  it("is percent-decoded", function()
    assert.same({ host = "h", port = 5432, dbname = "my/db", user = "a@b", password = "p@/:#?% ü" },
      params "postgresql://a%40b:p%40%2F%3a%23%3F%25%20%C3%BC@h/my%2Fdb")
    assert.equal("pü!$&'()*+,;=", params("postgresql://a:pü!$&'()*+,;=@h/d").password)
  end)

  it("may have an IPv6 host or a socket", function()
    local target = assert(url.parse "postgresql://u:p@[2001:db8::1]:6543/d")
    assert.same({ "2001:db8::1", 6543, "d on [2001:db8::1]:6543" }, { target.params.host, target.port, target.display })
    assert.equal(5432, params("postgresql://u:p@[::1]/d").port)
    assert.equal("/var/run/postgresql", params("postgresql://u@localhost/d?host=/var/run/postgresql").host)
    assert.equal("/tmp", params("postgresql://u@/d?host=%2Ftmp").host)
    assert.equal("/tmp", params("postgresql://u@%2ftmp:5433/d").host)
    assert.equal("d on /tmp:5433", assert(url.parse "postgresql://u@%2ftmp:5433/d").display)
  end)

  it("passes libpq's parameters on", function()
    local found = params("postgresql://u:p@h/d?sslmode=verify-full&sslrootcert=%2Fca.pem&connect_timeout=5"
      .. "&application_name=my+app&options=endpoint%3Dep-x&channel_binding=require&target_session_attrs=read-write")
    assert.same({
      host = "h", port = 5432, dbname = "d", user = "u", password = "p", sslmode = "verify-full",
      sslrootcert = "/ca.pem", connect_timeout = "5",
      application_name = "my app", options = "endpoint=ep-x", channel_binding = "require",
      target_session_attrs = "read-write",
    }, found)
  end)

  it("understands Prisma's parameters and passes none of them on", function()
    local target = assert(url.parse("postgresql://u:p@h/d?schema=app&connection_limit=5&pool_timeout=1&socket_timeout=2"
      .. "&pgbouncer=true&statement_cache_size=0&max_connection_lifetime=1&max_idle_connection_lifetime=1"
      .. "&sslidentity=x.p12&sslpassword=pw"))
    assert.same({ host = "h", port = 5432, dbname = "d", user = "u", password = "p" }, target.params)
    assert.equal("app", target.schema)
    assert.is_true(target.pgbouncer)
    assert.same({
      "connection_limit", "max_connection_lifetime", "max_idle_connection_lifetime", "pool_timeout", "socket_timeout",
      "sslidentity", "sslpassword", "statement_cache_size",
    }, target.ignored)
  end)

  it("takes Prisma's sslcert as the authority's certificate, unless there is a key", function()
    local found = params "postgresql://u:p@h/d?sslmode=require&sslcert=ca.pem"
    assert.same({ "require", "ca.pem" }, { found.sslmode, found.sslrootcert })
    assert.is_nil(found.sslcert)
    found = params "postgresql://u:p@h/d?sslcert=me.pem&sslkey=me.key&sslpassword=pw"
    assert.same({ "me.pem", "me.key", "pw" }, { found.sslcert, found.sslkey, found.sslpassword })
    assert.is_nil(found.sslrootcert)
  end)

  it("does not make TLS weaker than it was asked for", function()
    local found = params "postgresql://u:p@h/d?sslaccept=strict"
    assert.same({ "verify-full", "/etc/ssl/certs/ca-certificates.crt" }, { found.sslmode, found.sslrootcert })
    found = params "postgresql://u:p@h/d?sslaccept=strict&sslmode=prefer&sslcert=ca.pem"
    assert.same({ "verify-full", "ca.pem" }, { found.sslmode, found.sslrootcert })
    assert.is_nil(params("postgresql://u:p@h/d?sslaccept=accept_invalid_certs&sslcert=ca.pem").sslrootcert)
  end)

  it("names an unknown parameter and the one that was meant", function()
    local err = failure "postgresql://u:p@h/d?conection_limit=canary"
    assert.equal("the parameter 'conection_limit' is not known", err.message)
    assert.equal("did you mean 'connection_limit'?", err.hint)
    for _, name in ipairs { "hostaddr", "service", "passfile", "dbname", "port", "replication" } do
      assert.matches("'" .. name .. "'", failure("postgresql://u:p@h/d?" .. name .. "=x").message)
    end
    err = failure "postgresql://u:p@h/d?host=/run/postgresql&port=5433"
    assert.matches("may lead to another place than the URL shows", err.message, 1, true)
    assert.equal("say host, port and database before the '?', and leave it out", err.hint)
    assert.matches("'password'", failure("postgresql://u@h/d?password=canary").message)
  end)

  it("refuses parameters that cannot be", function()
    for query, named in pairs {
      ["sslmode=on"] = "sslmode", ["sslaccept=yes"] = "sslaccept", ["pgbouncer=1"] = "pgbouncer", schema = "schema",
      ["schema="] = "schema", ["connect_timeout=5s"] = "connect_timeout", ["schema=a&schema=b"] = "schema",
      ["application_name=%zz"] = "application_name", ["host="] = "host",
    } do
      assert.matches("'" .. named .. "'", failure("postgresql://u:p@h/d?" .. query).message)
    end
    assert.matches("several hosts", failure("postgresql://u:p@h/d?host=a,b").message)
  end)

  it("says which character of the password is the trouble", function()
    for char, code in pairs { ["@"] = "%40", ["/"] = "%2F", [":"] = "%3A", ["#"] = "%23", ["?"] = "%3F" } do
      local err = failure("postgresql://user:can" .. char .. "ary@h:5432/d")
      assert.matches("unencoded '" .. char .. "'", err.message, 1, true)
      assert.matches(code, err.hint, 1, true)
    end
    local err = failure "postgresql://user:can%ary@h/d"
    assert.matches("'%' in the password", err.message, 1, true)
    assert.matches("%25", err.hint, 1, true)
    assert.matches("%00", failure("postgresql://user:a%00b@h/d").message, 1, true)
  end)

  it("says what is missing or wrong", function()
    for text, said in pairs {
      [""] = "empty", ["  \n"] = "only white space", ["postgresql://u:p@h/d\n"] = "line break at its end",
      [" postgresql://u:p@h/d"] = "white space around", ['"postgresql://u:p@h/d"'] = "quotes",
      ["'postgresql://u:p@h/d'"] = "quotes", ["\u{201C}postgresql://u:p@h/d\u{201D}"] = "quotes",
      ["postgresql://u:p p@h/d"] = "white space or a control", ["postgresql://u:p@h/\u{200B}d"] = "invisible",
      ["psql 'postgresql://u:p@h/d"] = "psql", ["DATABASE_URL=postgresql://u:p@h/d"] = "variable",
      ["mysql://u:p@h/d"] = "'mysql'", ["file:./dev.db"] = "'file'", ["http://h/d"] = "'http'",
      ["prisma://accelerate/?api_key=canary"] = "Prisma's own service", ["u:p@h/d"] = "does not begin with",
      ["postgresql:/u:p@h/d"] = "'://'", ["postgresql://u:p@/d"] = "no host", ["postgresql://u:p@:5432/d"] = "no host",
      ["postgresql://u:p@h"] = "no database", ["postgresql://u:p@h/"] = "no database",
      ["postgresql://u:p@h?schema=a"] = "no database", ["postgresql://h/d"] = "no user",
      ["postgresql://:p@h/d"] = "no user",
      ["postgresql://u:p@h:port/d"] = "port", ["postgresql://u:p@h:/d"] = "port", ["postgresql://u:p@h:0/d"] = "port",
      ["postgresql://u:p@h:65536/d"] = "port", ["postgresql://u:p@h:5432:1/d"] = "port",
      ["postgresql://u:p@h:5432/d/e"] = "more than one '/'", ["postgresql://u:p@h/d#x"] = "'#'",
      ["postgresql://u:p@h,i/d"] = "several hosts", ["postgresql://u:p@[::1/d"] = "IPv6",
      ["postgresql://u:p@[::1]5432/d"] = "IPv6", ["postgresql://u:p@h*/d"] = "host", ["postgresql://u:p@h/%"] = "'%'",
    } do
      assert.matches(said, failure(text).message, 1, true)
    end
  end)

  it("never tells the password, however it is malformed", function()
    math.randomseed(7)
    -- Parts that no message of ours holds, broken up by what confuses a parser.
    local canary = { "Zq7", "Xv9", "Kj3", "Wp5" }
    local breakers = {
      "@", "/", ":", "#", "?", "%", "&", "=", " ", "\n", "[", "]", "'", '"', "%40", "", "\\", ",", "\t", "é",
    }
    local function pick(list) return list[math.random(#list)] end
    local failed = 0
    for _ = 1, 20000 do
      local password = canary[1] .. pick(breakers) .. canary[2] .. pick(breakers) .. canary[3] .. pick(breakers)
        .. canary[4]
      local text = pick { "postgresql://", "postgres://", "mysql://", "postgresql:/", "", "http://", " postgresql://" }
        .. pick { "user:", ":", "user", "us@er:", "u?x=", "user:x@" } .. password
        .. pick { "@", "@", "@", "", "%40", ":" } .. pick { "host", "", "[::1", "[::1]", "a,b", "h*" }
        .. pick { ":5432", ":x", ":", "" } .. pick { "/db", "/", "", "/d/e" }
        .. pick { "", "?schema=a", "?sslmode=" .. canary[1], "?password=" .. password, "?host=", "#x", "?nope=1" }
      if math.random(4) == 1 then
        local at = math.random(#text)
        text = text:sub(1, at - 1) .. pick(breakers) .. text:sub(at + math.random(0, 1))
      end
      local target, err = url.parse(text)
      if not target then
        failed = failed + 1
        local said = err.message .. "\n" .. err.hint .. "\n" .. tostring(err)
        for _, part in ipairs(canary) do
          if said:find(part, 1, true) then error(("%q says %q"):format(text, said)) end
        end
      end
    end
    assert.is_true(failed > 10000)
  end)

  it("takes the password out of other texts", function()
    local target = assert(url.parse "postgresql://user:p%40ss%20w%C3%BC@h/d")
    for _, form in ipairs { "p@ss wü", "p%40ss%20w%C3%BC", "p%40ss%20w%c3%bc", "p%40ss+w%C3%BC", "p@ss%20w%C3%BC" } do
      assert.equal("before *** after", target.redact("before " .. form .. " after"))
    end
    assert.equal("at postgresql://user:***@h/d", target.redact "at postgresql://user:other@h/d")
    assert.equal("100% of nothing", target.redact "100% of nothing")
    assert.equal("a magic %1 ***", assert(url.parse "postgresql://u:%25d.*[a@h/d").redact "a magic %1 %d.*[a")
  end)
end)
