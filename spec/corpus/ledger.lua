-- Scripts that reach for the ledger itself.
local insert = [[
INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
  VALUES ('mine', 'mine', '2_case', now(), now(), 1);]]
return {
  { "dropping the ledger", "failed", "CREATE TABLE a (x int); DROP TABLE _prisma_migrations;" },
  { "dropping and making the ledger again", "failed", [[
CREATE TABLE kept AS TABLE _prisma_migrations;
DROP TABLE _prisma_migrations;
CREATE TABLE _prisma_migrations (id text);]] },
  { "renaming the ledger", "failed", "ALTER TABLE _prisma_migrations RENAME TO elsewhere_migrations;" },
  { "moving the ledger", "failed", "ALTER TABLE _prisma_migrations SET SCHEMA elsewhere;" },
  { "dropping a column of the ledger", "failed", "ALTER TABLE _prisma_migrations DROP COLUMN checksum;" },
  { "adding a column to the ledger", "applied", "ALTER TABLE _prisma_migrations ADD COLUMN note text DEFAULT 'x';",
    "(SELECT note = 'x' FROM _prisma_migrations WHERE migration_name = '2_case')" },
  { "a constraint on the ledger", "failed",
    "CREATE TABLE a (x int); ALTER TABLE _prisma_migrations ADD CHECK (migration_name < '2');" },
  { "making the ledger", "failed", "CREATE TABLE a (x int); CREATE TABLE _prisma_migrations (id text);" },
  { "making the ledger if it is not there", "applied",
    "CREATE TABLE IF NOT EXISTS _prisma_migrations (id text); CREATE TABLE a (x int);", "a" },
  { "inserting its own row", "failed", "CREATE TABLE a (x int); " .. insert },
  { "inserting its own row, and deleting it", "applied",
    insert .. " DELETE FROM _prisma_migrations WHERE id = 'mine';" },
  { "inserting its own row, rolled back", "failed",
    insert .. " UPDATE _prisma_migrations SET rolled_back_at = now() WHERE id = 'mine';" },
  { "inserting its own row by a hidden name", "in_doubt",
    "DO $$ BEGIN EXECUTE replace('INSERT INTO _prisma#(id, checksum, migration_name, finished_at) VALUES (1, 2, "
      .. "''2_case'', now())', '#', '_migrations'); END $$;" },
  { "inserting its own row by a trigger", "failed", [[
CREATE FUNCTION twice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF pg_trigger_depth() = 1 THEN
    INSERT INTO public._prisma_migrations (id, checksum, migration_name, finished_at)
      VALUES ('mine', 'x', '2_case', now());
  END IF;
  RETURN NULL; END $$;
CREATE TRIGGER twice AFTER INSERT ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION twice();]] },
  { "truncating the ledger", "failed", "CREATE TABLE a (x int); TRUNCATE _prisma_migrations;" },
  { "deleting the row of another migration", "failed",
    "CREATE TABLE a (x int); DELETE FROM _prisma_migrations WHERE migration_name = '1_first';" },
  { "changing the checksum of another migration", "failed",
    "CREATE TABLE a (x int); UPDATE _prisma_migrations SET checksum = 'x';" },
  { "inserting the row of the next migration", "failed",
    "CREATE TABLE a (x int); " .. insert:gsub("2_case", "3_after") },
  { "a trigger that drops the row", "failed", [[
CREATE FUNCTION drops() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER drops BEFORE INSERT ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION drops();]] },
  { "a trigger that changes the checksum", "failed", [[
CREATE FUNCTION lies() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.checksum = 'x'; RETURN NEW; END $$;
CREATE TRIGGER lies BEFORE INSERT ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION lies();]] },
  { "a trigger that changes the name", "failed", [[
CREATE FUNCTION lies() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.migration_name = 'x'; RETURN NEW; END $$;
CREATE TRIGGER lies BEFORE INSERT ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION lies();]] },
  { "a trigger that takes the end back", "failed", [[
CREATE FUNCTION lies() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.finished_at = NULL; RETURN NEW; END $$;
CREATE TRIGGER lies BEFORE INSERT ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION lies();]] },
  { "a trigger that deletes the row again", "failed", [[
CREATE FUNCTION deletes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  DELETE FROM public._prisma_migrations WHERE id = NEW.id; RETURN NULL; END $$;
CREATE TRIGGER deletes AFTER INSERT ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION deletes();]] },
  { "a trigger that deletes the row at COMMIT", "in_doubt", [[
CREATE FUNCTION deletes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  DELETE FROM public._prisma_migrations WHERE id = NEW.id; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER deletes AFTER INSERT ON _prisma_migrations DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION deletes();]] },
  { "a trigger that only looks", "applied", [[
CREATE FUNCTION notes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO public.u VALUES (1); RETURN NEW; END $$;
CREATE TRIGGER notes AFTER INSERT ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION notes();]],
    "(SELECT count(*) >= 1 FROM u)" },
  { "a trigger that raises", "failed", [[
CREATE FUNCTION raises() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE TRIGGER raises BEFORE INSERT ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION raises();]] },
  { "a trigger that moves the path", "applied", [[
CREATE FUNCTION path() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.moves(); RETURN NEW; END $$;
CREATE TRIGGER path BEFORE INSERT ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION path();]] },
  { "a rule that does nothing instead", "failed",
    "CREATE RULE r AS ON INSERT TO _prisma_migrations DO INSTEAD NOTHING;" },
  { "a rule that writes elsewhere", "failed", [[
CREATE TABLE fake (LIKE _prisma_migrations);
CREATE RULE r AS ON INSERT TO _prisma_migrations DO INSTEAD INSERT INTO fake SELECT NEW.* RETURNING fake.*;]] },
  { "a rule that writes as well", "applied",
    "CREATE RULE r AS ON INSERT TO _prisma_migrations DO ALSO INSERT INTO u VALUES (1);",
    "(SELECT count(*) >= 1 FROM u)" },
  { "row security on the ledger", "applied",
    "ALTER TABLE _prisma_migrations ENABLE ROW LEVEL SECURITY; "
      .. "ALTER TABLE _prisma_migrations FORCE ROW LEVEL SECURITY;" },
  { "the ledger as a view", "failed", [[
ALTER TABLE _prisma_migrations RENAME TO real; CREATE VIEW _prisma_migrations AS TABLE real;]] },
  { "renaming the schema", "failed", "CREATE TABLE a (x int); ALTER SCHEMA public RENAME TO was_public;" },
  { "renaming the schema, and another in its place", "failed",
    "ALTER SCHEMA public RENAME TO was_public; CREATE SCHEMA public;" },
  { "dropping the schema", "failed", "DROP SCHEMA public CASCADE;" },
  { "dropping and making the schema again", "failed", "DROP SCHEMA public CASCADE; CREATE SCHEMA public;" },
  { "taking the rights", "applied", "REVOKE ALL ON _prisma_migrations FROM PUBLIC; CREATE TABLE a (x int);", "a" },
  { "dropping the ledger beside CONCURRENTLY", "failed",
    "CREATE INDEX CONCURRENTLY i ON t (note); DROP TABLE _prisma_migrations; CREATE TABLE a (x int);",
    "valid('i') AND to_regclass('a') IS NULL", steps = 1 },
  { "deleting its row beside CONCURRENTLY", "failed",
    "CREATE INDEX CONCURRENTLY i ON t (note); DELETE FROM _prisma_migrations WHERE migration_name = '2_case'; "
      .. "CREATE TABLE a (x int);",
    "valid('i')", steps = 1 },
  { "finishing its row beside CONCURRENTLY", "failed",
    "CREATE INDEX CONCURRENTLY i ON t (note); UPDATE _prisma_migrations SET finished_at = now(); "
      .. "CREATE TABLE a (x int);",
    "valid('i') AND to_regclass('a') IS NULL", steps = 1 },
}
