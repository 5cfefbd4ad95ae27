-- Types: what functions, operators, columns, conditions and groups are given. Each statement that the server refuses is
-- called an error, and no other is.

local history = require "spec.support.history"

local tables <const> = [[
CREATE TYPE mood AS ENUM ('a', 'b');
CREATE TABLE goods (id serial PRIMARY KEY, n integer, big bigint, f double precision, num numeric(10, 2), t text, v varchar(20),
  b boolean, u uuid, j json, jb jsonb, ts timestamp(3), tz timestamptz, d date, iv interval, arr text[], ints int[], m mood,
  by bytea, ip inet, tm time, ms mood[], c char(3), x xml, r int4range);
CREATE TABLE parts (id text, n integer, arr text[]);
]]

local statements <const> = {
  "SELECT round(f, 2) FROM goods;", "SELECT string_agg(n, ',') FROM goods;", "SELECT jsonb_set(j, '{a}', '1') FROM goods;",
  "SELECT array_append(t, 'x') FROM goods;", "SELECT to_timestamp(t) FROM goods;", "SELECT date_trunc('day', t) FROM goods;",
  "SELECT extract(epoch FROM t) FROM goods;", "SELECT sum(t) FROM goods;", "SELECT avg(b) FROM goods;",
  "SELECT t + 1 FROM goods;", "SELECT n || n FROM goods;", "SELECT ts - 1 FROM goods;", "SELECT jb || 1 FROM goods;",
  "SELECT j || '{}' FROM goods;", "SELECT j - 'a' FROM goods;", "SELECT j ? 'a' FROM goods;", "SELECT j @> '{}' FROM goods;",
  "SELECT n ILIKE 'x' FROM goods;", "SELECT u LIKE 'x%' FROM goods;", "SELECT length(n) FROM goods;",
  "SELECT substring(n from 1 for 2) FROM goods;", "SELECT left(n, 2) FROM goods;", "SELECT n = ANY(t) FROM goods;",
  "SELECT t = ANY(ints) FROM goods;", "SELECT arr @> ints FROM goods;", "SELECT j = '{}' FROM goods;",
  "SELECT j = j FROM goods;", "SELECT DISTINCT j FROM goods;", "SELECT j FROM goods GROUP BY j;",
  "SELECT j FROM goods ORDER BY j;", "SELECT count(*) FROM goods WHERE n;", "SELECT n, count(*) FROM goods;",
  "SELECT n, count(*) FROM goods GROUP BY t;", "SELECT n FROM goods WHERE count(*) > 1;", "UPDATE goods SET jb = t;",
  "UPDATE goods SET jb = t::jsonb || 'x';", "UPDATE goods SET n = n + '1 day'::interval;", "UPDATE goods SET ts = ts + 1;",
  "UPDATE goods SET d = d + 1;", "UPDATE goods SET m = t;", "UPDATE goods SET m = lower(t);", "UPDATE goods SET arr = t;",
  "UPDATE goods SET n = f;", "UPDATE goods SET b = n;", "UPDATE goods SET n = b;", "UPDATE goods SET t = n;",
  "UPDATE goods SET n = t || 'x';", "UPDATE goods SET n = jb->>'a';", "UPDATE goods SET n = (jb->>'a')::int;",
  "UPDATE goods SET jb = jb->>'a';", "UPDATE goods SET u = t;", "UPDATE goods SET u = md5(t);",
  "UPDATE goods SET u = md5(t)::uuid;", "UPDATE goods SET n = to_char(ts, 'YYYY');",
  "UPDATE goods SET ts = to_char(ts, 'YYYY');", "UPDATE goods SET arr = string_to_array(t, ',');",
  "UPDATE goods SET ints = string_to_array(t, ',');", "UPDATE goods SET jb = row_to_json(goods);",
  "UPDATE goods SET jb = to_jsonb(goods);", "UPDATE goods SET t = jb;", "UPDATE goods SET n = (SELECT t FROM parts LIMIT 1);",
  "UPDATE goods SET n = CASE WHEN b THEN 'x' ELSE t END;", "UPDATE goods SET n = COALESCE(t, '1');",
  "UPDATE goods SET t = (SELECT id, n FROM parts);", "UPDATE goods SET n = array_length(arr);",
  "UPDATE goods SET n = array_length(arr, 1);", "UPDATE goods SET n = cardinality(t);", "UPDATE goods SET n = unnest(ints);",
  "UPDATE goods SET n = max(n);", "UPDATE goods SET t = concat(n, t);", "UPDATE goods SET n = greatest(n, t);",
  "UPDATE goods SET n = nullif(n, '');", "UPDATE goods SET t = nullif(n, 0);",
  "ALTER TABLE goods ADD COLUMN g int GENERATED ALWAYS AS (t || 'x') STORED;",
  "ALTER TABLE goods ADD COLUMN g2 text GENERATED ALWAYS AS (n) STORED;", "ALTER TABLE goods ADD CHECK (length(n) > 3);",
  "ALTER TABLE goods ADD CHECK (n ~ '^x');", "ALTER TABLE goods ADD CHECK (char_length(num) > 3);",
  "ALTER TABLE goods ADD CHECK (t > 3);", "CREATE INDEX ON goods (lower(n));", "CREATE INDEX ON goods USING gin (t);",
  "CREATE INDEX ON goods USING gin (j);", "CREATE INDEX ON goods ((jb->>'a'));",
  "CREATE INDEX ON goods ((jb->>'a') jsonb_path_ops);", "CREATE INDEX ON goods (date(tz));",
  "CREATE INDEX ON goods (to_tsvector(t));", "CREATE INDEX ON goods USING gin (to_tsvector('english', n));",
  "CREATE VIEW w AS SELECT n + t AS z FROM goods;", "CREATE VIEW w2 AS SELECT sum(n) OVER () AS z, t FROM goods GROUP BY t;",
  "ALTER TABLE goods ALTER COLUMN d TYPE int USING extract(epoch FROM d);",
  "ALTER TABLE goods ALTER COLUMN b TYPE int USING b + 0;", "ALTER TABLE goods ALTER COLUMN n SET DEFAULT now();",
  "ALTER TABLE goods ALTER COLUMN ts SET DEFAULT now() + 1;",
  "ALTER TABLE goods ALTER COLUMN ts SET DEFAULT now() + '1 day';", "ALTER TABLE goods ALTER COLUMN u SET DEFAULT md5('x');",
  "DELETE FROM goods WHERE n IN (SELECT id FROM parts);", "DELETE FROM goods WHERE (n, t) IN (SELECT id, n FROM parts);",
  "DELETE FROM goods WHERE n = (SELECT id, n FROM parts);", "DELETE FROM goods WHERE n BETWEEN 'a' AND 'b';",
  "DELETE FROM goods WHERE ts < '30 days';", "DELETE FROM goods WHERE ts < now() - 30;",
  "DELETE FROM goods WHERE ts < now() - interval '30 days';", "DELETE FROM goods WHERE d < now() - '30 days';",
  "DELETE FROM goods USING parts WHERE goods.n = parts.id;", "INSERT INTO parts (id, n) SELECT n, t FROM goods;",
  "INSERT INTO parts (id, n) SELECT t, round(f) FROM goods;", "INSERT INTO parts (n) SELECT jb->'a' FROM goods;",
  "INSERT INTO parts (n) SELECT unnest(arr) FROM goods;", "INSERT INTO parts (id) SELECT unnest(ints) FROM goods;",
  "INSERT INTO parts (arr) SELECT array_agg(n) FROM goods;", "INSERT INTO parts (arr) SELECT array_agg(t) FROM goods;",
  "INSERT INTO parts (arr) VALUES (ARRAY[1,2]);", "INSERT INTO parts (n) SELECT count(*) FROM goods;",
  "INSERT INTO parts (n) SELECT string_agg(t, ',') FROM goods;", "INSERT INTO parts (n) VALUES (now());",
  "INSERT INTO parts (n) VALUES ('a' || 'b');", "INSERT INTO parts (n) SELECT t FROM (SELECT t FROM goods) s;",
  "INSERT INTO parts (n) WITH c AS (SELECT t FROM goods) SELECT t FROM c;",
  "INSERT INTO parts (n) SELECT s.t + 1 FROM (SELECT t FROM goods) s;", "SELECT t FROM goods UNION SELECT n FROM goods;",
  "SELECT n FROM goods UNION SELECT 'x';", "SELECT * FROM goods JOIN parts ON goods.n = parts.id;",
  "SELECT * FROM goods JOIN parts USING (id);", "SELECT gen_random_uuid(1);", "SELECT now(1);", "SELECT -t FROM goods;",
  "SELECT NOT n FROM goods;", "SELECT b AND n FROM goods;", "SELECT arr[t] FROM goods;", "SELECT t[1] FROM goods;",
  "SELECT jb['a'] FROM goods;", "SELECT n::uuid FROM goods;", "SELECT (n + t)::int FROM goods;",
  "SELECT upper(m) FROM goods;", "SELECT m || 'x' FROM goods;", "SELECT m = t FROM goods;", "SELECT m::text = t FROM goods;",
  "SELECT lower(ip) FROM goods;", "SELECT ip = t FROM goods;", "SELECT host(t) FROM goods;", "SELECT age(t) FROM goods;",
  "SELECT b::int + 1, n::boolean, f::boolean FROM goods;", "SELECT tz AT TIME ZONE 'UTC', t AT TIME ZONE 'UTC' FROM goods;",
  "SELECT encode(t, 'hex') FROM goods;", "SELECT digest(t, 'x') FROM goods;", "SELECT replace(jb, 'a', 'b') FROM goods;",
  "SELECT jsonb_array_elements(j) FROM goods;", "SELECT jsonb_array_elements_text(t) FROM goods;",
  "SELECT json_build_object('a', n, 'b') FROM goods;", "SELECT d + t FROM goods;", "SELECT n % f FROM goods;",
  "SELECT n & f FROM goods;", "SELECT num % 2, big / n, f ^ 2 FROM goods;", "SELECT coalesce(n, t) FROM goods;",
  "SELECT mod(f, 2) FROM goods;", "SELECT random(t);", "SELECT array_agg(t) || n FROM goods;",
  "SELECT arr || 'x' || t FROM goods;", "SELECT ints || n, n || ints, ints || '{1}' FROM goods;",
  "SELECT ints || t FROM goods;", "SELECT array_remove(arr, n) FROM goods;",
  "SELECT array_position(arr, 'x'), array_to_string(n, ',') FROM goods;", "SELECT make_date(t,1,1) FROM goods;",
  "SELECT trunc(f, 1) FROM goods;", "SELECT ceil(t) FROM goods;", "SELECT regexp_replace(n, 'a', 'b') FROM goods;",
  "ALTER TABLE goods ALTER COLUMN v TYPE int USING (n || 'x')::int;", "SELECT goods.n + 1, count(*) FROM goods GROUP BY n;",
  "SELECT id, n, count(*) FROM goods GROUP BY id;",
  "SELECT g.n, max(p.n) FROM goods g JOIN parts p ON p.n = g.n GROUP BY g.n HAVING count(*) > 1 ORDER BY max(p.n);",
  "SELECT n, sum(n) FILTER (WHERE b) FROM goods GROUP BY 1;", "SELECT lower(t), count(*) FROM goods GROUP BY lower(t);",
  "SELECT lower(t) AS low, count(*) FROM goods GROUP BY low;",
  "SELECT t, row_number() OVER (PARTITION BY n ORDER BY t) FROM goods;",
  "SELECT n, (SELECT max(p.n) FROM parts p WHERE p.n = g.n) FROM goods g;",
  "SELECT count(*), (SELECT t FROM goods WHERE id = 1) FROM parts;",
  "SELECT p.id FROM parts p WHERE p.n = (SELECT max(n) FROM goods);",
  "SELECT * FROM (SELECT n, count(*) AS c FROM goods GROUP BY n) s WHERE s.c > 1;",
  "SELECT * FROM (SELECT t FROM goods) s WHERE s.t > 1;", "WITH w AS (SELECT n, t FROM goods) SELECT w.t + 1 FROM w;",
  "WITH w (x) AS (SELECT n FROM goods) SELECT x || 'a', x + 1 FROM w;", "SELECT a.x + 1 FROM (VALUES (1), (2)) a (x);",
  "SELECT a.x + 1 FROM (VALUES ('1'), ('2')) a (x);", "UPDATE goods SET (n, t) = (SELECT n, id FROM parts LIMIT 1);",
  "SELECT (n, t) = (SELECT n, id FROM parts LIMIT 1) FROM goods;", "SELECT n FROM goods WHERE n = ANY (SELECT n FROM parts);",
  "SELECT n FROM goods WHERE t = ANY (ARRAY['a', 'b']);", "SELECT n FROM goods WHERE n = ANY ('{1,2}');",
  "SELECT n FROM goods WHERE u = ANY ('{1,2}'::text[]);",
  "SELECT n FROM goods UNION ALL SELECT big FROM goods UNION ALL SELECT 1.5;",
  "SELECT j FROM goods UNION ALL SELECT j FROM goods;", "SELECT j FROM goods UNION SELECT j FROM goods;",
  "SELECT ARRAY(SELECT n FROM goods) || 1, ARRAY(SELECT t FROM goods) || 'x'::text;",
  "SELECT ARRAY(SELECT n FROM goods) || 'x'::text;",
  "SELECT string_agg(n::text, ', ' ORDER BY n), array_agg(DISTINCT t), jsonb_agg(jb) FROM goods;",
  "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY f), mode() WITHIN GROUP (ORDER BY n) FROM goods;",
  "SELECT jsonb_set(jb, '{a}', to_jsonb(n)), jb #>> '{a}', jb -> 'a' ->> 'b', jb @> '{}' FROM goods;",
  "SELECT round(num, 2), round(f), round(f::numeric, 2) FROM goods;",
  "SELECT now() - ts, tz - interval '1 day', d + 1, d - d, ts::date + tm, age(tz) FROM goods;",
  "SELECT extract(epoch FROM ts), date_part('year', d), date_trunc('day', tz) FROM goods;",
  "SELECT t || n, n || t, t || 'x' || d, 'x' || b FROM goods;",
  "SELECT coalesce(n, f, num), greatest(d, now()), CASE WHEN b THEN n ELSE big END FROM goods;",
  "SELECT t LIKE 'x%', v ILIKE t, c ~ 'x', t SIMILAR TO 'x' FROM goods;",
  "SELECT m = 'a', m::text || 'x', m > 'b', m IN ('a', 'b') FROM goods;", "SELECT m = 'c' FROM goods;",
  "SELECT ip << '10.0.0.0/8', host(ip), ip = '10.0.0.1' FROM goods;",
  "SELECT encode(by, 'hex'), sha256(by), length(by), md5(t) FROM goods;",
  "SELECT generate_series(1, n), unnest(ints), jsonb_array_elements(jb) FROM goods;",
  "SELECT lower(r), r @> 1, r && int4range(1, 2) FROM goods;",
  "ALTER TABLE goods ADD CHECK (length(t) > 3 AND n BETWEEN 1 AND 10 AND t ~ '^x');",
  "CREATE INDEX ON goods (lower(t), (jb ->> 'a'), date(ts));", "ALTER TABLE goods ALTER COLUMN u SET DEFAULT md5('x')::uuid;",
  "ALTER TABLE goods ADD CHECK (max(n) > 1);", "ALTER TABLE goods ALTER COLUMN n SET DEFAULT count(*);",
  "SELECT n FROM goods ORDER BY 1, j;", "SELECT jb FROM goods GROUP BY jb ORDER BY jb;",
  "SELECT DISTINCT ON (n) n, j FROM goods;", "INSERT INTO parts SELECT t, n, arr FROM goods ON CONFLICT DO NOTHING;",
  "INSERT INTO parts (n) VALUES (1.5), ('2'), (NULL);", "DELETE FROM goods WHERE ts < now() - interval '1 month' AND NOT b;",
  "SELECT sum(n), avg(iv), min(d), max(ip), bool_and(b), bit_or(n) FROM goods;", "SELECT max(u) FROM goods;",
  "SELECT min(jb) FROM goods;", "SELECT sum(iv), sum(d) FROM goods;",
  "SELECT concat(n, t, jb), format('%s %s', n, t), concat_ws(',', n, ts) FROM goods;",
  "SELECT array_length(arr, 1), arr[1], ints[n], arr[1:2], jb['a'], cardinality(ints) FROM goods;",
}

-- What is made of queries, functions of the project, rows, MERGE.
local made <const> = {
  "CREATE TABLE pk (a int, b int, PRIMARY KEY (a, b));", "CREATE VIEW v AS SELECT a + 1 AS x, 'k' AS y FROM pk;",
  "SELECT x || y, y || x FROM v;", "SELECT x + y FROM v;", "SELECT y + 1 FROM v;",
  "CREATE MATERIALIZED VIEW mv AS SELECT count(*) AS n, max(b) AS b FROM pk;", "SELECT length(n) FROM mv;",
  "CREATE TABLE kept AS SELECT count(*) AS n, 'x'::text AS t, 'y' AS y FROM pk;", "UPDATE kept SET n = t;",
  "UPDATE kept SET y = n, t = n;", "UPDATE kept SET n = 'x';",
  "CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2';", "SELECT twice('a'::text);", "SELECT twice(1.5);",
  "SELECT twice('2'), twice(2::smallint), twice(2) || 'x';", "SELECT length(twice(2));",
  "CREATE FUNCTION twice(t text) RETURNS text LANGUAGE sql AS 'SELECT t || t';", "SELECT length(twice('a'::text)), twice(2) + 1;",
  "SELECT length(twice(2));", "SELECT twice(now());", "CREATE FUNCTION hello(who text, times int DEFAULT 1) RETURNS text "
    .. "LANGUAGE sql AS 'SELECT who';", "SELECT hello('a'), hello('a', 2);", "SELECT hello(1);", "SELECT hello('a', 'b');",
  "CREATE FUNCTION least_of(VARIADIC list anyarray) RETURNS anyelement LANGUAGE sql AS 'SELECT list[1]';",
  "SELECT least_of(1, 2, 3), least_of('a'::text), least_of(1.5, 2.5) + 1;", "SELECT least_of(1, 'a'::text);",
  "CREATE FUNCTION rows_of(n int) RETURNS TABLE (a int) LANGUAGE sql AS 'SELECT n';", "SELECT * FROM rows_of(1) r WHERE r.a = 1;",
  "CREATE TABLE vals (s smallint, i int, n numeric(5, 2), v varchar(3), c char(2), z numeric(3, -3));",
  "INSERT INTO vals (s) VALUES (40000);", "INSERT INTO vals (i) VALUES (3000000000);", "INSERT INTO vals (n) VALUES (1234.5);",
  "INSERT INTO vals (n) VALUES (999.999);", "INSERT INTO vals (n) VALUES (999.99), (-999.994);",
  "INSERT INTO vals (n) VALUES ('1234');",
  "INSERT INTO vals (v) VALUES ('abcd');", "INSERT INTO vals (v) VALUES ('abc     '), (E'\\u00e4\\u00f6\\u00fc');",
  "INSERT INTO vals (c) VALUES ('abc');", "INSERT INTO vals (z) VALUES (123456), (-5);", "UPDATE vals SET v = 'abcd';",
  "UPDATE vals SET s = -40000;", "INSERT INTO vals (s) VALUES (-32768), ('-5'), (0), (-0.4);",
  "INSERT INTO vals (s) VALUES (-32769);",
  "ALTER TABLE vals ADD COLUMN w varchar(2) DEFAULT 'abc';", "ALTER TABLE vals ADD COLUMN w varchar(2) DEFAULT 'ab';",
  "INSERT INTO vals (i) VALUES (1e3), (1.6), (-5);",
  "MERGE INTO kept k USING pk ON k.n = pk.a WHEN MATCHED THEN UPDATE SET t = 'x' "
    .. "WHEN NOT MATCHED AND b > 1 THEN INSERT (n, t) VALUES (a, 'y');",
  "WITH w AS (SELECT 1 AS x) MERGE INTO kept USING (SELECT x FROM w) s ON kept.n = s.x WHEN MATCHED THEN DELETE;",
  "MERGE INTO kept USING pk ON kept.n = pk.zzz WHEN MATCHED THEN DO NOTHING;",
  "MERGE INTO kept USING pk ON true WHEN MATCHED THEN UPDATE SET nope = 'x';",
  "MERGE INTO kept USING pk ON true WHEN NOT MATCHED THEN INSERT (n, t) VALUES (pk.a);",
  "MERGE INTO kept USING pk ON true WHEN NOT MATCHED THEN INSERT (n) VALUES ('x');",
  "MERGE INTO kept USING pk ON kept.t = pk.a WHEN MATCHED THEN DO NOTHING;",
}

-- Functions in SQL, conditions, and what a query is ordered, limited and locked by.
local rest <const> = {
  "CREATE TABLE goods (id serial PRIMARY KEY, t text, n int);",
  "CREATE FUNCTION f1() RETURNS int LANGUAGE sql AS 'SELECT t FROM goods';",
  "CREATE FUNCTION f2() RETURNS int LANGUAGE sql AS 'SELECT n FROM goods';",
  "CREATE FUNCTION f3() RETURNS text LANGUAGE sql AS 'SELECT n, t FROM goods';",
  "CREATE FUNCTION f4() RETURNS TABLE (x int, y text) LANGUAGE sql AS 'SELECT n, t FROM goods';",
  "CREATE FUNCTION f5() RETURNS TABLE (x int, y text) LANGUAGE sql AS 'SELECT t, n FROM goods';",
  "CREATE FUNCTION f6(p int) RETURNS int LANGUAGE sql AS 'SELECT p || t FROM goods';",
  "CREATE FUNCTION f7(p int) RETURNS text LANGUAGE sql AS 'SELECT p || t FROM goods';",
  "CREATE FUNCTION f8(p int) RETURNS SETOF goods LANGUAGE sql AS 'SELECT * FROM goods WHERE t = p';",
  "CREATE FUNCTION f9(p text) RETURNS SETOF goods LANGUAGE sql AS 'SELECT * FROM goods WHERE t = p';",
  "CREATE FUNCTION g1() RETURNS void LANGUAGE sql AS 'DELETE FROM goods';",
  "CREATE FUNCTION g2() RETURNS int LANGUAGE sql AS 'DELETE FROM goods';",
  "CREATE FUNCTION g3(p text) RETURNS int LANGUAGE sql AS 'INSERT INTO goods (t) VALUES (p) RETURNING id';",
  "CREATE FUNCTION g4(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1';",
  "CREATE FUNCTION g5(text) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1';",
  "CREATE FUNCTION g6() RETURNS int LANGUAGE sql AS 'SELECT 1.5';", "CREATE FUNCTION g7() RETURNS int LANGUAGE sql AS '';",
  "CREATE FUNCTION g8(OUT int, OUT text) LANGUAGE sql AS 'SELECT (1, ''a''::text)';",
  "CREATE FUNCTION g9(n text) RETURNS int LANGUAGE sql AS 'SELECT n + 1 FROM goods';",
  "CREATE TRIGGER w1 BEFORE UPDATE ON goods FOR EACH ROW WHEN (NEW.t > 1) EXECUTE FUNCTION "
    .. "suppress_redundant_updates_trigger();",
  "CREATE TRIGGER w2 BEFORE UPDATE ON goods FOR EACH ROW WHEN (NEW.nope IS NULL) EXECUTE FUNCTION "
    .. "suppress_redundant_updates_trigger();",
  "CREATE TRIGGER w3 BEFORE UPDATE ON goods FOR EACH ROW WHEN (NEW.t IS DISTINCT FROM OLD.t AND NEW.n > '1') EXECUTE "
    .. "FUNCTION suppress_redundant_updates_trigger();",
  "CREATE POLICY p1 ON goods USING (n);", "CREATE POLICY p2 ON goods USING (n = t);",
  "CREATE POLICY p3 ON goods USING (t = current_user);", "CREATE POLICY p4 ON goods USING (n = current_setting('a.b'));",
  "CREATE POLICY p5 ON goods WITH CHECK (n = current_setting('a.b')::int);",
  "CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');", "SELECT total(n) FROM goods;",
  "SELECT nope FROM goods;", "SELECT * FROM goods g JOIN goods h ON g.id;",
  "SELECT * FROM goods g JOIN goods h ON g.id = h.n LEFT JOIN goods i ON true;", "SELECT * FROM goods LIMIT 'x';",
  "SELECT * FROM goods LIMIT t;", "SELECT * FROM goods LIMIT 1 OFFSET '2';", "SELECT t FROM goods LIMIT ALL;",
  "SELECT * FROM goods ORDER BY 9;", "SELECT * FROM goods ORDER BY 3, 1;", "SELECT t FROM goods GROUP BY 4;",
  "SELECT t FROM goods ORDER BY 0;", "SELECT DISTINCT t FROM goods ORDER BY n;",
  "SELECT DISTINCT t, n FROM goods ORDER BY n, goods.t;", "SELECT DISTINCT lower(t) FROM goods ORDER BY lower(t);",
  "SELECT DISTINCT t AS x FROM goods ORDER BY x;", "SELECT DISTINCT * FROM goods ORDER BY n;",
  "SELECT DISTINCT ON (n) t FROM goods ORDER BY t;", "SELECT DISTINCT ON (n) t FROM goods ORDER BY n, t;",
  "SELECT DISTINCT ON (n, t) t FROM goods ORDER BY t, n, id;",
  "SELECT DISTINCT ON (lower(t)) t FROM goods ORDER BY lower(t) DESC;", "SELECT n FROM goods FOR UPDATE OF nope;",
  "SELECT n FROM goods g FOR UPDATE OF g SKIP LOCKED;", "VALUES (1, 2), (3);", "VALUES (1, 2), (3, 4);",
  "CREATE TABLE twice (a int, PRIMARY KEY (a, a));", "CREATE TABLE once (a int, b int, UNIQUE (a, b));",
}

describe("lint, of types", function()
  it("says what the server says", function()
    local scripts <const> = { tables, table.unpack(statements) }
    local _, missed, alarms, said = history.hold(scripts)
    assert.same({}, missed)
    assert.same({}, alarms)
    assert.is_true(#said > 140 and #said < #statements - 50, ("%d of %d are refused"):format(#said, #statements))
  end)

  it("goes on with what is made of them", function()
    local _, missed, alarms, said = history.hold(made)
    assert.same({}, missed)
    assert.same({}, alarms)
    assert.is_true(#said > 25 and #said < #made - 20, ("%d of %d are refused"):format(#said, #made))
  end)

  it("says where the expression is", function()
    local result <const> = history.lint { tables, [[
UPDATE goods
SET n = 1,
    f = round(f, 2) + 1
WHERE b;
SELECT t,
  count(*) FROM goods;
DO $$ BEGIN
  PERFORM round(f, 2) FROM goods;
END $$;
]] }
    local places <const> = {}
    for _, finding in ipairs(result.findings) do
      if finding.severity == "error" then places[#places + 1] = ("%d:%d"):format(finding.line, finding.column) end
    end
    assert.same({ "3:9", "5:8", "7:1" }, places)
  end)

  it("reads functions in SQL, and all parts of a query", function()
    local _, missed, alarms, said = history.hold(rest)
    assert.same({}, missed)
    assert.same({}, alarms)
    assert.is_true(#said > 20 and #said < #rest - 20, ("%d of %d are refused"):format(#said, #rest))
  end)
end)
