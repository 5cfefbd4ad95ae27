-- Every way to begin, end, split and escape a transaction.
return {
  { "BEGIN ... COMMIT around everything", "applied", "BEGIN;\nCREATE TABLE a (x int);\nCOMMIT;", "a" },
  { "begin work ... end", "applied", "begin work;create table a (x int);end", "a" },
  { "START TRANSACTION ... COMMIT TRANSACTION", "applied",
    "START TRANSACTION ISOLATION LEVEL SERIALIZABLE;CREATE TABLE a (x int);COMMIT TRANSACTION;",
    "a" },
  { "BEGIN READ ONLY around nothing", "failed", "BEGIN READ ONLY; SELECT 1; COMMIT;" },
  { "BEGIN READ ONLY around a write", "failed", "BEGIN READ ONLY; CREATE TABLE a (x int); COMMIT;" },
  { "BEGIN DEFERRABLE", "applied",
    "BEGIN ISOLATION LEVEL SERIALIZABLE, READ WRITE, NOT DEFERRABLE; CREATE TABLE a (x int); COMMIT;",
    "a" },
  { "BEGIN and COMMIT around nothing", "applied", "BEGIN; COMMIT;" },
  { "BEGIN ... COMMIT with a failure inside", "failed", "BEGIN; CREATE TABLE a (x int); SELECT nowhere; COMMIT;" },
  { "BEGIN without COMMIT", "refused", "BEGIN; CREATE TABLE a (x int);" },
  { "COMMIT without BEGIN", "refused", "CREATE TABLE a (x int); COMMIT;" },
  { "COMMIT first", "refused", "COMMIT; CREATE TABLE a (x int);" },
  { "COMMIT in the middle", "refused", "CREATE TABLE a (x int); COMMIT; CREATE TABLE b (x int);" },
  { "COMMIT and BEGIN in the middle", "refused", "CREATE TABLE a (x int); COMMIT; BEGIN; CREATE TABLE b (x int);" },
  { "END in the middle", "refused", "CREATE TABLE a (x int); END; CREATE TABLE b (x int);" },
  { "end transaction in the middle", "refused", "create table a (x int); eNd TrAnSaCtIoN; create table b (x int);" },
  { "ROLLBACK in the middle", "refused", "CREATE TABLE a (x int); ROLLBACK; CREATE TABLE b (x int);" },
  { "ABORT at the end", "refused", "CREATE TABLE a (x int); ABORT;" },
  { "ABORT WORK AND CHAIN", "refused", "CREATE TABLE a (x int); ABORT WORK AND CHAIN; CREATE TABLE b (x int);" },
  { "BEGIN ... ROLLBACK", "refused", "BEGIN; CREATE TABLE a (x int); ROLLBACK;" },
  { "two transactions", "refused", "BEGIN; CREATE TABLE a (x int); COMMIT; BEGIN; CREATE TABLE b (x int); COMMIT;" },
  { "a transaction, then more", "refused", "BEGIN; CREATE TABLE a (x int); COMMIT; CREATE TABLE b (x int);" },
  { "something, then a transaction", "refused", "CREATE TABLE a (x int); BEGIN; CREATE TABLE b (x int); COMMIT;" },
  { "BEGIN in BEGIN", "refused", "BEGIN; BEGIN; CREATE TABLE a (x int); COMMIT; COMMIT;" },
  { "COMMIT AND CHAIN", "refused", "BEGIN; CREATE TABLE a (x int); COMMIT AND CHAIN;" },
  { "COMMIT AND CHAIN in the middle", "refused", "CREATE TABLE a (x int); COMMIT AND CHAIN; CREATE TABLE b (x int);" },
  { "ROLLBACK AND CHAIN", "refused", "CREATE TABLE a (x int); ROLLBACK AND CHAIN; CREATE TABLE b (x int);" },
  { "PREPARE TRANSACTION", "refused", "CREATE TABLE a (x int); PREPARE TRANSACTION 'corpus';" },
  { "BEGIN ... PREPARE TRANSACTION", "refused", "BEGIN; CREATE TABLE a (x int); PREPARE TRANSACTION 'corpus';" },
  { "COMMIT PREPARED", "refused", "COMMIT PREPARED 'corpus';" },
  { "ROLLBACK PREPARED", "refused", "CREATE TABLE a (x int); ROLLBACK PREPARED 'corpus';" },
  { "a savepoint, released", "applied", "SAVEPOINT s; CREATE TABLE a (x int); RELEASE s;", "a" },
  { "a savepoint, left open", "applied", "CREATE TABLE a (x int); SAVEPOINT s; CREATE TABLE b (x int);", "b" },
  { "a savepoint, rolled back to", "applied",
    "CREATE TABLE a (x int); SAVEPOINT s; CREATE TABLE b (x int); ROLLBACK TO s;",
    "to_regclass('a') IS NOT NULL AND to_regclass('b') IS NULL" },
  { "a savepoint that mends a failure", "failed",
    "CREATE TABLE a (x int); SAVEPOINT s; SELECT nowhere; ROLLBACK TO s;" },
  { "ROLLBACK TO what is not there", "failed", "CREATE TABLE a (x int); ROLLBACK TO SAVEPOINT s;" },
  { "RELEASE of what is not there", "failed", "CREATE TABLE a (x int); RELEASE SAVEPOINT s;" },
  { "savepoints of one name", "applied",
    "SAVEPOINT s; CREATE TABLE a (x int); SAVEPOINT s; CREATE TABLE b (x int); ROLLBACK TO s; RELEASE s; "
      .. "ROLLBACK TO s; CREATE TABLE c (x int);",
    "to_regclass('a') IS NULL AND to_regclass('c') IS NOT NULL" },
  { "a DO body that commits", "failed", "CREATE TABLE a (x int); DO $$ BEGIN CREATE TABLE b (x int); COMMIT; END $$;" },
  { "a DO body that rolls back", "failed",
    "CREATE TABLE a (x int); DO $$ BEGIN CREATE TABLE b (x int); ROLLBACK; END $$;" },
  { "a DO body that commits and hides it", "applied", [[
CREATE TABLE a (x int);
DO $$ BEGIN CREATE TABLE b (x int); COMMIT; EXCEPTION WHEN OTHERS THEN CREATE TABLE c (x int); END $$;]],
    "to_regclass('a') IS NOT NULL AND to_regclass('b') IS NULL AND to_regclass('c') IS NOT NULL" },
  { "a DO body that executes COMMIT", "failed", "CREATE TABLE a (x int); DO $$ BEGIN EXECUTE 'COMMIT'; END $$;" },
  { "a DO body that executes CREATE INDEX CONCURRENTLY", "failed",
    "DO $$ BEGIN EXECUTE 'CREATE INDEX CONCURRENTLY i ON t (note)'; END $$;" },
  { "a procedure that commits", "failed", "CREATE TABLE a (x int); CALL commits();" },
  { "a procedure that rolls back", "failed", "CREATE TABLE a (x int); CALL rolls_back();" },
  { "a procedure that commits, alone", "failed", "CALL commits();" },
  { "a procedure that is made and called", "failed", [[
CREATE PROCEDURE q() LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE a (x int); COMMIT; CREATE TABLE b (x int); END $$;
CALL q();]] },
  { "an exception that is caught", "applied", [[
DO $$ BEGIN CREATE TABLE a (x int); RAISE EXCEPTION 'x'; EXCEPTION WHEN OTHERS THEN CREATE TABLE b (x int); END $$;]],
    "to_regclass('a') IS NULL AND to_regclass('b') IS NOT NULL" },
  { "EXECUTE of a prepared COMMIT", "failed", "PREPARE p AS COMMIT;" },
  { "SET TRANSACTION first", "applied", "SET TRANSACTION READ WRITE; CREATE TABLE a (x int);", "a" },
  { "SET TRANSACTION ISOLATION LEVEL", "failed",
    "CREATE TABLE a AS SELECT * FROM t; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;" },
  { "SET TRANSACTION READ ONLY at the end", "failed", "CREATE TABLE a (x int); SET TRANSACTION READ ONLY;" },
  { "transaction_read_only", "failed", "CREATE TABLE a (x int); SET transaction_read_only = on;" },
  { "SET TRANSACTION SNAPSHOT", "failed", "SET TRANSACTION SNAPSHOT '00000003-00000001-1'; CREATE TABLE a (x int);" },
  { "pg_export_snapshot", "applied", "CREATE TABLE a (x int); SELECT pg_export_snapshot();", "a" },
  { "a deferred constraint that fails at COMMIT", "failed", [[
CREATE TABLE a (x int PRIMARY KEY, y int REFERENCES a DEFERRABLE INITIALLY DEFERRED);
INSERT INTO a VALUES (1, 2);]] },
  { "a deferred constraint that holds at COMMIT", "applied", [[
CREATE TABLE a (x int PRIMARY KEY, y int REFERENCES a DEFERRABLE INITIALLY DEFERRED);
INSERT INTO a VALUES (1, 2); INSERT INTO a VALUES (2, 1);]], "(SELECT count(*) = 2 FROM a)" },
  { "a deferred trigger that raises at COMMIT", "failed", [[
CREATE FUNCTION raise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'at commit'; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION raise();
INSERT INTO t VALUES (10, 'x');]] },
  { "an event trigger that raises", "failed", [[
CREATE FUNCTION raise() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION raise();
CREATE TABLE a (x int);]] },
  { "dblink that commits elsewhere", "failed", [[
CREATE EXTENSION dblink;
CREATE TABLE a (x int);
SELECT dblink_exec('dbname=' || current_database()
  || ' host=' || split_part(current_setting('unix_socket_directories'), ',', 1)
  || ' port=' || current_setting('port'), 'CREATE TABLE escaped (x int)');
SELECT nowhere;]], "escaped", leaves = true, extension = "dblink" },
}
