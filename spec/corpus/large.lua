-- Files that are larger than any that a person wrote: 1 MB here, 50 MB in script/regress.
local megabytes = tonumber(require("host.process").getenv "DIXIS_CORPUS_MB" or 1)

local function repeated(row)
  return function()
    local parts, size, i = {}, 0, 0
    repeat
      i = i + 1
      parts[i] = row:format(i)
      size = size + #parts[i]
    until size >= megabytes * 1000000
    return table.concat(parts)
  end
end

local function around(before, middle, after)
  return function() return before .. middle() .. after end
end

local values = repeated ",\n(9%d, 'a text as long as those of real rows are')"
local inserts = repeated "INSERT INTO u VALUES (%d);\n"

return {
  { "one large INSERT", "applied", around("INSERT INTO t VALUES (0, 'x')", values, ";\n"),
    "(SELECT count(*) > 15000 FROM t)" },
  { "one large INSERT with a mistake at its end", "failed",
    around("INSERT INTO t VALUES (0, 'x')", values, ", ('x', 'x');\n") },
  -- More than a million of them.
  { "many statements", megabytes > 20 and "refused" or "applied", inserts, "(SELECT count(*) > 20000 FROM u)" },
  { "many statements and COMMIT", "refused", around("", inserts, "COMMIT;") },
  { "one large string", "applied", around("CREATE TABLE a AS SELECT '", repeated "x;%d", "' AS x;"),
    "(SELECT length(x) > 500000 FROM a)" },
  { "one large comment", "applied", around("/*", repeated "; COMMIT; /* */ %d", "*/ CREATE TABLE a (x int);"), "a" },
  { "a large comment that is not ended", "failed", around("CREATE TABLE a (x int); /*", repeated "; /* */ %d", "") },
  { "a large body", "applied",
    around("DO $$ BEGIN\n", repeated "-- %d; COMMIT;\n", "CREATE TABLE a (x int); END $$;"), "a" },
}
