-- Fifty migrations of every kind, each of which shows when it was applied twice or by halves.

local digest = require "host.digest"
local fs = require "host.fs"

local project = {}

local runbook <const> = [[
local gate, step, check, option = dixis.gate, dixis.step, dixis.check, dixis.option
return dixis.runbook {
  name = "torture", version = "1.0.0", title = "A deploy that is disturbed",
  target = { env = "DATABASE_URL", environment = "torture" },
  options = { lock_wait = { type = "duration", default = "10s", help = "how long to wait for another run" } },
  gates = { gate.reachable { wait = "10s" }, gate.lock { wait = option "lock_wait" }, gate.history() },
  steps = { step.deploy { silence = "3s" } },
  criteria = { check.migrations_applied() },
}
]]

-- What every script does besides: a count that a second application would double.
local function counted(i, ...)
  return table.concat({ ("UPDATE tally SET n = n + 1, last = %d;"):format(i), ... }, "\n") .. "\n"
end

local function transactional(i)
  return counted(i, ("CREATE TABLE t%d (id int PRIMARY KEY, v text, w int);"):format(i),
    ("INSERT INTO t%d SELECT g, 'row ' || g, g %% 7 FROM generate_series(1, 200) g;"):format(i),
    ("CREATE INDEX t%d_v ON t%d (v);"):format(i, i),
    ("ALTER TABLE t%d ADD COLUMN x int NOT NULL DEFAULT %d;"):format(i, i))
end

-- Those of the others; they take turns.
local kinds <const> = {
  function(i) return ("CREATE INDEX CONCURRENTLY c%d ON t1 (w, x);\n"):format(i) end,
  function(i)
    return counted(i, ("CREATE TABLE m%d AS SELECT g AS id FROM generate_series(1, 300) g;"):format(i),
      ("CREATE UNIQUE INDEX CONCURRENTLY m%d_id ON m%d (id);"):format(i, i),
      ("INSERT INTO m%d VALUES (1000);"):format(i),
      ("CREATE INDEX CONCURRENTLY m%d_odd ON m%d (id) WHERE id %% 2 = 1;"):format(i, i))
  end,
  function(i)
    return counted(i, ("CREATE INDEX d%d ON t1 (v, w);"):format(i), ("DROP INDEX CONCURRENTLY d%d;"):format(i),
      ("INSERT INTO t1 VALUES (%d, 'after');"):format(1000 + i))
  end,
  function(i) return ("ALTER TYPE mood ADD VALUE 'm%d';\n"):format(i) end,
  function(i) return counted(i, "VACUUM (ANALYZE) t1;", ("INSERT INTO t2 VALUES (%d);"):format(1000 + i)) end,
}

local function script(i)
  if i == 1 then
    return "CREATE TABLE tally (n int, last int);\nINSERT INTO tally VALUES (0, 0);\n"
      .. "CREATE TYPE mood AS ENUM ('calm');\n" .. transactional(1)
  end
  if i <= 5 or i % 5 < 3 then return transactional(i) end
  return kinds[(i // 5 * 2 + i % 5) % #kinds + 1](i)
end

--- Makes the project in a folder of its own, which the caller removes.
---@param count integer  migrations
---@return { folder: string, count: integer, checksums: table<string, string> }
function project.make(count)
  local folder = assert(fs.mkdtemp "/tmp/dixis-torture-")
  local made = { folder = folder, count = count, checksums = {} }
  assert(fs.write(folder .. "/torture.lua", runbook))
  for i = 1, count do
    local name, text = ("20250101%06d_m%02d"):format(i, i), script(i)
    made.checksums[name] = digest.sha256(text)
    assert(fs.mkdir(("%s/prisma/migrations/%s"):format(folder, name)))
    assert(fs.write(("%s/prisma/migrations/%s/migration.sql"):format(folder, name), text))
  end
  return made
end

return project
