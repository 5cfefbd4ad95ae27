-- What a session has besides its transaction: locks, other backends, channels, prepared statements.
return {
  { "LISTEN and NOTIFY", "applied", "LISTEN corpus; NOTIFY corpus, 'x'; CREATE TABLE a (x int);", "a" },
  { "UNLISTEN", "applied", "UNLISTEN *; CREATE TABLE a (x int);", "a" },
  { "pg_notify", "applied", "SELECT pg_notify('corpus', repeat('x', 7000)); CREATE TABLE a (x int);", "a" },
  { "LOCK TABLE", "applied", "LOCK TABLE t IN ACCESS EXCLUSIVE MODE; CREATE TABLE a (x int);", "a" },
  { "LOCK TABLE of the ledger", "applied", "LOCK TABLE _prisma_migrations; CREATE TABLE a (x int);", "a" },
  { "LOCK TABLE NOWAIT of a catalog", "applied", "LOCK TABLE pg_catalog.pg_class NOWAIT; CREATE TABLE a (x int);",
    "a" },
  { "pg_advisory_unlock_all", "applied", "SELECT pg_advisory_unlock_all(); CREATE TABLE a (x int);", "a" },
  { "pg_advisory_unlock of the run's lock", "applied",
    "SELECT pg_advisory_unlock(72707369); CREATE TABLE a (x int);", "a" },
  { "taking the run's lock as well", "failed", [[
CREATE TABLE a (x int);
DO $$ BEGIN IF NOT pg_try_advisory_lock(72707369) THEN RAISE EXCEPTION 'held'; END IF; END $$;]] },
  { "waiting for the run's lock", "failed",
    "SET lock_timeout = '50ms'; CREATE TABLE a (x int); SELECT pg_advisory_lock(72707369);" },
  { "a session lock that is kept", "applied", "SELECT pg_advisory_lock(4711); CREATE TABLE a (x int);", "a" },
  { "a prepared statement", "applied", "PREPARE q AS SELECT 1; EXECUTE q; CREATE TABLE a (x int);", "a" },
  { "a prepared statement twice", "failed", "PREPARE q AS SELECT 1; CREATE TABLE a (x int); PREPARE q AS SELECT 2;" },
  { "DEALLOCATE ALL", "applied", "DEALLOCATE ALL; CREATE TABLE a (x int);", "a" },
  { "a cursor", "applied", "DECLARE c CURSOR FOR SELECT * FROM t; FETCH 1 FROM c; CREATE TABLE a (x int);", "a" },
  { "a cursor WITH HOLD", "applied", "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM t; CREATE TABLE a (x int);", "a" },
  { "CLOSE ALL", "applied", "DECLARE c CURSOR FOR SELECT 1; CLOSE ALL; CREATE TABLE a (x int);", "a" },
  { "LOAD", "applied", "LOAD 'plpgsql'; CREATE TABLE a (x int);", "a" },
  { "ending its own backend", "lost", "CREATE TABLE a (x int); SELECT pg_terminate_backend(pg_backend_pid());" },
  { "ending its own backend, then more", "lost",
    "CREATE TABLE a (x int); SELECT pg_terminate_backend(pg_backend_pid()); CREATE TABLE b (x int);" },
  { "cancelling its own backend", "failed",
    "CREATE TABLE a (x int); SELECT pg_cancel_backend(pg_backend_pid()); SELECT pg_sleep(5);" },
  { "cancelling its own backend, first", "failed", "SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(5);" },
  { "ending every other backend", "lost", [[
CREATE TABLE a (x int);
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid();]],
    "to_regclass('a') IS NULL" },
  { "ending every other backend, from a DO body", "lost", [[
CREATE TABLE a (x int);
DO $$ BEGIN PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid(); END $$;
CREATE TABLE b (x int);]], "to_regclass('a') IS NULL" },
  { "ending every other backend, beside VACUUM", "failed", [[
CREATE TABLE a (x int);
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid();
VACUUM t;
CREATE TABLE b (x int);]], "to_regclass('a') IS NOT NULL AND to_regclass('b') IS NULL", steps = 1 },
  { "sleeping", "applied", "SELECT pg_sleep(0.05); CREATE TABLE a (x int);", "a" },
  { "a lot of notices", "applied",
    "DO $$ BEGIN FOR i IN 1..5000 LOOP RAISE NOTICE 'x %', i; END LOOP; END $$; CREATE TABLE a (x int);", "a" },
  { "a lot of rows", "applied", "SELECT repeat('x', 100) FROM generate_series(1, 100000); CREATE TABLE a (x int);",
    "a" },
  { "a FATAL of its own", "failed", "CREATE TABLE a (x int); DO $$ BEGIN PERFORM 1/0; END $$;" },
}
