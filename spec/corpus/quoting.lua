-- What could make a splitter lose its place: quotes, comments, bodies.
return {
  { "a dollar quote with semicolons", "applied", "DO $$ BEGIN CREATE TABLE a (x int); CREATE TABLE b (x int); END $$;",
    "a b" },
  { "nested dollar tags", "applied", [[
CREATE FUNCTION make() RETURNS text LANGUAGE plpgsql AS $outer$
BEGIN
  EXECUTE $inner$ CREATE TABLE a (x text DEFAULT $$;COMMIT;$$) $inner$;
  RETURN $x$; $$ ; $x$;
END
$outer$;
SELECT make();]], "a" },
  { "a dollar quote that is not ended", "failed",
    "CREATE TABLE a (x int);\nDO $$ BEGIN NULL; END;\nCREATE TABLE b (x int);" },
  { "a dollar quote ended by another tag", "failed", "CREATE TABLE a (x int); SELECT $a$ text $b$;" },
  { "a dollar inside a name", "applied", "CREATE TABLE a$b (x$$y$$ int); CREATE TABLE c (x int);",
    "to_regclass('a$b') IS NOT NULL AND to_regclass('c') IS NOT NULL" },
  { "a parameter without a value", "failed", "CREATE TABLE a (x int); INSERT INTO a VALUES ($1);" },
  { "a dollar quote after a parameter's number", "failed", "CREATE TABLE a (x int); SELECT $1$$;$$;" },
  { "a tag with letters of another alphabet", "applied", "DO $größe$ BEGIN CREATE TABLE a (x int); END $größe$;",
    "a" },
  { "a dollar quote over lines with COMMIT", "applied", "CREATE TABLE a (x text DEFAULT $$\nCOMMIT;\n$$);",
    "a" },
  { "nested comments", "applied", "/* one /* two; */ COMMIT; /* three */ */ CREATE TABLE a (x int); /**/",
    "a" },
  { "a comment that is not ended", "failed", "CREATE TABLE a (x int); /* /* */ CREATE TABLE b (x int);" },
  { "quotes in comments", "applied",
    "-- it's; \"so\n/* don't; */ CREATE TABLE a (x int); -- $$\nCREATE TABLE b (x int);",
    "a b" },
  { "comment signs in strings", "applied",
    "CREATE TABLE a AS SELECT '/*' AS p, '*/' AS q, '--;' AS r; CREATE TABLE b (x int);",
    "(SELECT r = '--;' FROM a) AND to_regclass('b') IS NOT NULL" },
  { "a comment between the words of COMMIT", "refused", "CREATE TABLE a (x int); COMMIT/* ; */WORK;" },
  { "a comment before COMMIT", "refused", "CREATE TABLE a (x int);/* x */-- y\nCOMMIT" },
  { "escape strings", "applied", [[CREATE TABLE a AS SELECT E'\';COMMIT;\'' AS x, E'\\' AS y; CREATE TABLE b (x int);]],
    [[(SELECT x = ''';COMMIT;''' AND y = '\' FROM a)]] },
  { "an escape string that is not ended", "failed", [[CREATE TABLE a (x int); SELECT E'\'; CREATE TABLE b (x int);]] },
  { "doubled quotes", "applied", [[CREATE TABLE a AS SELECT ''';'';''' AS x, 'a'';' AS y;]],
    "(SELECT x = ''';'';''' FROM a)" },
  { "a backslash at a string's end", "applied",
    [[CREATE TABLE a AS SELECT '\' AS x; CREATE TABLE b AS SELECT '\;' AS y;]],
    [[(SELECT x = '\' FROM a) AND (SELECT y = '\;' FROM b)]] },
  { "strings continued on the next line", "applied", "CREATE TABLE a AS SELECT 'x;'\n  ';y' AS x;",
    "(SELECT x = 'x;;y' FROM a)" },
  { "strings continued on the same line", "failed", "CREATE TABLE a (x int); SELECT 'x;' ';y';" },
  { "a Unicode identifier with its own escape", "applied", [[CREATE TABLE U&"d!0061t!0061" UESCAPE '!' (x int);]],
    "data" },
  { "a Unicode string with a semicolon as text", "applied", [[CREATE TABLE a AS SELECT U&'\003B COMMIT\003B' AS x;]],
    "(SELECT x = '; COMMIT;' FROM a)" },
  { "a quote as escape sign", "failed", [[CREATE TABLE a (x int); SELECT U&'x' UESCAPE '''';]] },
  { "identifiers with quotes and semicolons", "applied",
    [[CREATE TABLE "a;""COMMIT;" ("x;" int); CREATE TABLE b (x int);]],
    [[to_regclass('"a;""COMMIT;"') IS NOT NULL]] },
  { "an identifier that is not ended", "failed", [[CREATE TABLE a (x int); CREATE TABLE "b (x int);]] },
  { "an empty identifier", "failed", [[CREATE TABLE a (x int); CREATE TABLE "" (x int);]] },
  { "an identifier over lines", "applied", "CREATE TABLE \"a\n;\nb\" (x int);",
    "(SELECT count(*) = 1 FROM pg_class WHERE relname = E'a\\n;\\nb')" },
  { "bit, hexadecimal and national strings", "applied",
    "CREATE TABLE a AS SELECT B'01' AS x, X'ff' AS y, N';' AS z;", "(SELECT z = ';' FROM a)" },
  { "names longer than a name may be", "applied", "CREATE TABLE " .. ("n"):rep(200) .. " (x int);",
    "to_regclass('" .. ("n"):rep(63) .. "') IS NOT NULL" },
  { "operators that look like comments", "applied", "CREATE TABLE a AS SELECT 1 -1 AS x, 2 * -1 AS y, 4/ 2 AS z;",
    "(SELECT x = 0 AND z = 2 FROM a)" },
  { "an operator with a comment inside", "applied", "CREATE TABLE a AS SELECT 5 */* ; */2 AS x, 3 --;\n -1 AS y;",
    "(SELECT x = 10 AND y = 2 FROM a)" },
  { "a body of SQL", "applied", [[
CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;
CREATE TABLE a AS SELECT f() AS x;]], "(SELECT x = 2 FROM a)" },
  { "a body of SQL with CASE and END", "applied", [[
CREATE FUNCTION f(i int) RETURNS int BEGIN ATOMIC
  SELECT CASE WHEN i > 0 THEN CASE i WHEN 1 THEN 10 END END;
  SELECT CASE i WHEN 2 THEN 20 ELSE 0 END;
END;
CREATE TABLE a AS SELECT f(2) AS x;]], "(SELECT x = 20 FROM a)" },
  { "an empty body of SQL", "applied", "CREATE PROCEDURE q() BEGIN ATOMIC END; CALL q(); CREATE TABLE a (x int);",
    "a" },
  { "a body of SQL with COMMIT", "failed", "CREATE TABLE a (x int); CREATE PROCEDURE q() BEGIN ATOMIC COMMIT; END;" },
  { "columns named as keywords", "applied",
    [[CREATE TABLE a ("begin" int, "commit" int, atomic int, work int); CREATE TABLE b (x int);]],
    "b" },
  { "a label of END", "applied", [[DO $$ <<commit>> BEGIN CREATE TABLE a (x int); END commit $$;]], "a" },
  { "a rule with several actions", "applied", [[
CREATE RULE r AS ON INSERT TO t DO ALSO (DELETE FROM u; INSERT INTO u VALUES (7); NOTIFY x);
INSERT INTO t VALUES (10, 'x');]], "(SELECT array_agg(a) = '{7}' FROM u)" },
  { "a schema with its elements", "applied",
    "CREATE SCHEMA s CREATE TABLE a (x int) CREATE VIEW v AS SELECT x FROM a; CREATE TABLE b (x int);",
    "s.v b" },
  { "a string constant as body, with quotes", "applied", [[
CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN '';COMMIT;''; END;';
CREATE TABLE a AS SELECT f() AS x;]], "(SELECT x = ';COMMIT;' FROM a)" },
  { "strings that are not standard any more", "failed", [[
SET standard_conforming_strings = off;
CREATE TABLE a AS SELECT 'x\'; DROP TABLE t; --' AS x;]] },
  { "strings that are not standard, each statement whole either way", "applied", [[
SET standard_conforming_strings = off;
CREATE TABLE a AS SELECT 'x\\' AS x;]], "(SELECT x = 'x' || chr(92) FROM a)" },
  { "strings that are not standard, hiding DROP", "failed", [[
SET standard_conforming_strings = off;
SELECT '\'; DROP TABLE t; SELECT '\';]] },
  { "a quote escaped by a backslash", "failed", [[SET backslash_quote = off; CREATE TABLE a (x int); SELECT E'\'';]] },
}
