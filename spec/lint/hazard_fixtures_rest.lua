-- Pairs for all other hazards: see hazard_fixtures.lua.

local pair <const>, list <const> = require "spec.support.pairs"()

-- ---- Transactions, locks, settings -------------------------------------------------------------

pair("many-locks", [[
ALTER TABLE "User" ADD COLUMN "x" INTEGER;
CREATE INDEX "Item_sku_idx" ON "Item"("sku");]], [[
ALTER TABLE "User" ADD COLUMN "x" INTEGER;
ALTER TABLE "User" ADD COLUMN "y" INTEGER;]],
  { locks = { ["public.User"] = "ACCESS EXCLUSIVE", ["public.Item"] = "SHARE" } })
pair("many-locks", [[
ALTER TABLE "User" ADD COLUMN "x" INTEGER;
ALTER TABLE "Item" ADD COLUMN "x" INTEGER;]], [[
CREATE TABLE "Own" ("a" INTEGER);
ALTER TABLE "Own" ADD COLUMN "b" INTEGER;
ALTER TABLE "Item" ADD COLUMN "x" INTEGER;]])
pair("many-locks", [[
CREATE POLICY own ON "Item" USING (true);
CREATE RULE quiet AS ON INSERT TO "User" DO ALSO NOTHING;]], [[
CREATE TABLE "Own" ("userId" INTEGER REFERENCES "User", "orderId" INTEGER, FOREIGN KEY ("orderId") REFERENCES "Order");
CREATE TRIGGER t BEFORE UPDATE ON "Item" FOR EACH ROW EXECUTE FUNCTION touch();]],
  { locks = { ["public.Item"] = "ACCESS EXCLUSIVE", ["public.User"] = "ACCESS EXCLUSIVE" } })
pair("foreign-key-locks-both", [[CREATE TABLE "Own" ("userId" INTEGER REFERENCES "User");]],
  [[CREATE TABLE "Own" ("id" INTEGER PRIMARY KEY, "up" INTEGER REFERENCES "Own");]],
  { locks = { ["public.User"] = "SHARE ROW EXCLUSIVE" } })
pair("many-locks", [[
DROP TRIGGER "touch_tag" ON "Tag";
ALTER TABLE "Item" ADD COLUMN "x" INTEGER;]], [[
CREATE TRIGGER t BEFORE UPDATE ON "Tag" FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE "Item" ADD COLUMN "x" INTEGER;]],
  { locks = { ["public.Tag"] = "ACCESS EXCLUSIVE", ["public.Item"] = "ACCESS EXCLUSIVE" } })
pair("foreign-key-locks-both", [[
CREATE TABLE "Own" ("userId" INTEGER);
ALTER TABLE "Own" ADD CONSTRAINT "Own_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id");]], [[
CREATE TABLE "Own" ("id" INTEGER PRIMARY KEY);
CREATE TABLE "Owned" ("ownId" INTEGER);
ALTER TABLE "Owned" ADD CONSTRAINT "fk" FOREIGN KEY ("ownId") REFERENCES "Own"("id");]])
pair("lock-table", [[LOCK TABLE "User" IN SHARE ROW EXCLUSIVE MODE;]], [[LOCK TABLE "User" IN ROW EXCLUSIVE MODE;]])
pair("lock-table", [[LOCK "User";]], [[LOCK TABLE "User" IN ACCESS SHARE MODE;]])
pair("lock-timeout-off", [[SET lock_timeout = 0; ALTER TABLE "User" ADD COLUMN "x" INTEGER;]],
  [[SET lock_timeout = '5s'; ALTER TABLE "User" ADD COLUMN "x" INTEGER;]])
pair("transaction-control", [[CREATE TABLE "A" (a INTEGER); COMMIT; BEGIN; CREATE TABLE "B" (b INTEGER);]],
  [[BEGIN; CREATE TABLE "A" (a INTEGER); SAVEPOINT s; CREATE TABLE "B" (b INTEGER); ROLLBACK TO s; COMMIT;]], { alone = true })
pair("session-setting", [[SET search_path = other;]], [[SET LOCAL search_path = other;]])
pair("session-setting", [[SELECT pg_catalog.set_config('search_path', '', false);]],
  [[SELECT pg_catalog.set_config('search_path', '', true);]])
pair("server-setting", [[ALTER DATABASE postgres SET work_mem = '8MB';]], [[SET LOCAL work_mem = '8MB';]])
pair("server-setting", [[ALTER SYSTEM SET work_mem = '8MB';]], [[SET LOCAL work_mem = '8MB';]],
  { alone = true, unable = "it would stay for the other specs" })
pair("server-setting", [[ALTER ROLE CURRENT_USER SET work_mem = '8MB';]], [[SET ROLE NONE;]])

-- ---- Data --------------------------------------------------------------------------------------

pair("required-column", [[ALTER TABLE "User" ADD COLUMN "city" TEXT NOT NULL;]],
  [[ALTER TABLE "User" ADD COLUMN "city" TEXT NOT NULL DEFAULT '';]], { fails = "23502" })
pair("required-column", [[ALTER TABLE "Item" ADD COLUMN "key" INTEGER PRIMARY KEY;]], [[CREATE TABLE "Own" ("a" TEXT NOT NULL);]],
  { fails = "23502" })
pair("required-column", [[ALTER TABLE "User" ADD COLUMN "city" TEXT NOT NULL;]], [[ALTER TABLE "User" ADD COLUMN "city" TEXT;]],
  { fails = "23502", options = { sizes = { ["public.User"] = { rows = 100, bytes = 8192 } } }, severity = "error" })
pair("unique-data", [[CREATE UNIQUE INDEX "Order_status_key" ON "Order"("status");]], [[
ALTER TABLE "Order" ADD COLUMN "code" TEXT;
CREATE UNIQUE INDEX "Order_code_key" ON "Order"("code");]], { fails = "23505" })
pair("update-everything", [[UPDATE "User" SET "age" = 1;]], [[UPDATE "User" SET "age" = 1 WHERE "id" = 7;]])
pair("delete-everything", [[DELETE FROM "Item";]], [[DELETE FROM "Item" WHERE "id" = 7;]])
pair("truncate", [[TRUNCATE TABLE "Item";]], [[CREATE TABLE "Own" (a INTEGER); TRUNCATE "Own";]])
pair("truncate-cascade", [[TRUNCATE TABLE "Order" CASCADE;]], [[TRUNCATE TABLE "Order", "Item";]])
pair("backfill", [[
ALTER TABLE "User" ADD COLUMN "city" TEXT;
UPDATE "User" SET "city" = "note" WHERE "note" IS NOT NULL;]], [[
ALTER TABLE "User" ADD COLUMN "city" TEXT;
UPDATE "User" SET "city" = 'Rome' WHERE "id" = 1;]])
pair("backfill", [[
ALTER TABLE "Order" ADD COLUMN "city" TEXT;
CREATE TABLE "Own" ("a" INTEGER);
INSERT INTO "Own" SELECT "id" FROM "User";]], [[
CREATE TABLE "Own" ("a" INTEGER);
INSERT INTO "Own" SELECT "id" FROM "User";]])
pair("backfill", [[DELETE FROM "User" WHERE "age" > 50;]], [[DELETE FROM "User" WHERE "id" IN (1, 2);]],
  { options = { sizes = { ["public.User"] = { rows = 5e6, bytes = 1e9 } } } })
pair("duplicate-assignment", [[UPDATE "User" SET "age" = 1, "age" = 2 WHERE "id" = 1;]],
  [[UPDATE "User" SET "age" = 1, "name" = 'x' WHERE "id" = 1;]], { fails = "42601" })
pair("duplicate-assignment", [[INSERT INTO "Tag" ("id", "id") VALUES (900, 901);]],
  [[INSERT INTO "Tag" ("id", "name") VALUES (900, 'x');]], { fails = "42701" })
pair("triggers-off", [[ALTER TABLE "Tag" DISABLE TRIGGER "touch_tag";]], [[ALTER TABLE "Tag" ENABLE TRIGGER "touch_tag";]])
pair("triggers-off", [[ALTER TABLE "Item" DISABLE TRIGGER ALL;]], [[CREATE TABLE "Own" (a INTEGER);
ALTER TABLE "Own" DISABLE TRIGGER ALL;]])
pair("triggers-off", [[SET LOCAL session_replication_role = replica;]], [[SET LOCAL session_replication_role = origin;]])

-- ---- What running code needs -------------------------------------------------------------------

pair("drop-table", [[DROP TABLE "Item";]], [[CREATE TABLE "Own" (a INTEGER); DROP TABLE "Own";]])
pair("drop-column", [[ALTER TABLE "User" DROP COLUMN "age";]],
  [[ALTER TABLE "User" ADD COLUMN "x" INTEGER; ALTER TABLE "User" DROP COLUMN "x";]])
pair("drop-column", [[ALTER TABLE "User" DROP COLUMN "age", ADD COLUMN "age" TEXT;]],
  [[ALTER TABLE "User" DROP COLUMN IF EXISTS "nothing";]])
pair("drop-schema", [[DROP SCHEMA other;]], [[CREATE SCHEMA mine; DROP SCHEMA mine;]])
pair("drop-database", [[DROP DATABASE shop;]], [[DROP TABLE IF EXISTS shop;]],
  { alone = true, unable = "there is no such database" })
pair("drop-object", [[DROP VIEW "TagNames";]],
  [[DROP VIEW "TagNames"; CREATE VIEW "TagNames" AS SELECT "id", "name" FROM "Tag";]])
pair("drop-object", [[DROP FUNCTION steady();]], [[
DROP FUNCTION steady();
CREATE FUNCTION steady() RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 1::bigint';]])
pair("drop-object", [[DROP TRIGGER "touch_tag" ON "Tag";]], [[
DROP TRIGGER "touch_tag" ON "Tag";
CREATE TRIGGER "touch_tag" AFTER UPDATE ON "Tag" FOR EACH ROW EXECUTE FUNCTION touch();]])
pair("drop-object", [[DROP SEQUENCE tickets;]], [[CREATE SEQUENCE own; DROP SEQUENCE own;]])
pair("drop-object", [[DROP MATERIALIZED VIEW "TagCount";]], [[DROP MATERIALIZED VIEW IF EXISTS "NoCount";]])
pair("drop-object", [[DROP EXTENSION pgcrypto;]], [[CREATE EXTENSION citext; DROP EXTENSION citext;]],
  { setup = [[CREATE EXTENSION pgcrypto;]] })
pair("drop-object", [[DROP TYPE mood;]], [[CREATE TYPE own AS ENUM ('a'); DROP TYPE own;]],
  { setup = [[CREATE TYPE mood AS ENUM ('a');]] })
pair("drop-object", [[DROP DOMAIN spare;]], [[CREATE DOMAIN own AS text; DROP DOMAIN own;]],
  { setup = [[CREATE DOMAIN spare AS text;]] })
pair("drop-cascade", [[DROP TABLE "Order" CASCADE;]], [[DROP TABLE "Item", "Order";]])
pair("drop-cascade", [[ALTER TABLE "Tag" DROP COLUMN "name" CASCADE;]], [[ALTER TABLE "Tag" DROP COLUMN "rank";]])
pair("drop-constraint", [[ALTER TABLE "Order" DROP CONSTRAINT "Order_number_key";]], [[
ALTER TABLE "Item" DROP CONSTRAINT "Item_orderId_fkey";
ALTER TABLE "Item" ADD CONSTRAINT "Item_orderId_fkey" FOREIGN KEY ("orderId") REFERENCES "Order"("id") ON DELETE CASCADE;]])
pair("drop-constraint", [[ALTER TABLE "Item" DROP CONSTRAINT "Item_orderId_fkey";]],
  [[ALTER TABLE "Item" DROP CONSTRAINT IF EXISTS "nothing";]],
  { locks = { ["public.Item"] = "ACCESS EXCLUSIVE", ["public.Order"] = "ACCESS EXCLUSIVE" } })
pair("drop-constraint", [[ALTER TABLE "Item" DROP CONSTRAINT "Item_orderId_fkey"; ALTER TABLE "Item" DROP COLUMN "sku";]],
  [[ALTER TABLE "Item" DROP CONSTRAINT "Item_orderId_fkey"; ALTER TABLE "Item" DROP COLUMN "orderId";]])
pair("drop-constraint", [[ALTER TABLE "Item" DROP CONSTRAINT "Item_orderId_fkey"; DROP TABLE event_2024;]],
  [[ALTER TABLE "Item" DROP CONSTRAINT "Item_orderId_fkey"; DROP TABLE "Item";]])
pair("drop-constraint", [[
ALTER TABLE "Item" DROP CONSTRAINT "Item_orderId_fkey";
ALTER TABLE "Item" ADD CONSTRAINT "Item_id_fkey" FOREIGN KEY ("id") REFERENCES "Tag"("id") NOT VALID;]], [[
ALTER TABLE "Item" DROP CONSTRAINT "Item_orderId_fkey";
ALTER TABLE "Item" ADD CONSTRAINT "order_of_item" FOREIGN KEY ("orderId") REFERENCES "Order"("id");]])
pair("many-locks", [[
ALTER TABLE "Item" ADD COLUMN "x" INTEGER;
ALTER TABLE "Item" DROP CONSTRAINT "Item_orderId_fkey";]], [[ALTER TABLE "Item" DROP CONSTRAINT "Item_orderId_fkey";]],
  { locks = { ["public.Item"] = "ACCESS EXCLUSIVE", ["public.Order"] = "ACCESS EXCLUSIVE" } })
pair("drop-default", [[ALTER TABLE "Order" ALTER COLUMN "status" DROP DEFAULT;]], [[
ALTER TABLE "Order" ALTER COLUMN "status" DROP DEFAULT;
ALTER TABLE "Order" ALTER COLUMN "status" SET DEFAULT 'old';]])
pair("drop-not-null", [[ALTER TABLE "User" ALTER COLUMN "email" DROP NOT NULL;]],
  [[ALTER TABLE "User" ALTER COLUMN "age" DROP NOT NULL;]])
pair("generated-change", [[ALTER TABLE "Tag" ALTER COLUMN "rank" DROP IDENTITY;]],
  [[ALTER TABLE "Tag" ALTER COLUMN "rank" SET STATISTICS 200;]])
pair("rename-table", [[ALTER TABLE "Item" RENAME TO "Line";]],
  [[ALTER TABLE "Item" RENAME TO "Line"; CREATE VIEW "Item" AS SELECT * FROM "Line";]])
pair("rename-column", [[ALTER TABLE "User" RENAME COLUMN "name" TO "title";]],
  [[ALTER TABLE "User" ADD COLUMN "x" TEXT; ALTER TABLE "User" RENAME COLUMN "x" TO "y";]])
pair("rename-object", [[ALTER TYPE "Role" RENAME TO "Part";]], [[CREATE TYPE a AS ENUM ('x'); ALTER TYPE a RENAME TO b;]])
pair("rename-object", [[ALTER VIEW "TagNames" RENAME TO "Names";]],
  [[ALTER INDEX "User_created_idx" RENAME TO "User_created_key";]])
pair("rename-object", [[ALTER SCHEMA other RENAME TO another;]], [[CREATE SCHEMA mine; ALTER SCHEMA mine RENAME TO yours;]])
pair("moves-schema", [[ALTER TABLE "Item" SET SCHEMA other;]],
  [[CREATE TABLE "Own" (a INTEGER); ALTER TABLE "Own" SET SCHEMA other;]])
pair("enum-value-renamed", [[ALTER TYPE "Role" RENAME VALUE 'ADMIN' TO 'ROOT';]], [[ALTER TYPE "Role" ADD VALUE 'ROOT';]])
pair("access-change", [[ALTER TABLE "User" ENABLE ROW LEVEL SECURITY;]],
  [[CREATE TABLE "Own" (a INTEGER); ALTER TABLE "Own" ENABLE ROW LEVEL SECURITY;]])
pair("access-change", [[DROP POLICY own ON "Tag";]], [[DROP POLICY own ON "Tag"; CREATE POLICY own ON "Tag" USING (id > 0);]])
pair("access-change", [[REVOKE SELECT ON "Tag" FROM PUBLIC;]], [[GRANT SELECT ON "Tag" TO PUBLIC;]])
pair("access-change", [[ALTER POLICY own ON "Tag" USING (false);]], [[CREATE POLICY more ON "Tag" USING (false);]])

-- ---- The target --------------------------------------------------------------------------------

pair("unavailable-extension", [[CREATE EXTENSION no_such_thing;]], [[CREATE EXTENSION citext;]],
  { options = { extensions = { "citext", "plpgsql" } }, fails = "0A000" })
pair("missing-role", [[GRANT SELECT ON "Tag" TO nobody_here;]], [[GRANT SELECT ON "Tag" TO PUBLIC, CURRENT_USER, pg_monitor;]],
  { options = { roles = { "postgres" } }, fails = "42704" })
pair("missing-role", [[ALTER TABLE "Tag" OWNER TO nobody_here;]],
  [[CREATE ROLE made_here; ALTER TABLE "Tag" OWNER TO made_here; ALTER TABLE "Tag" OWNER TO CURRENT_USER;]],
  { options = { roles = { "postgres" } }, fails = "42704" })
pair("missing-role", [[CREATE POLICY p ON "Tag" TO nobody_here USING (true);]], [[CREATE POLICY p ON "Tag" USING (true);]],
  { options = { roles = { "postgres" } }, fails = "42704" })

-- ---- Taste -------------------------------------------------------------------------------------

pair("json-type", [[CREATE TABLE t (a JSON);]], [[CREATE TABLE t (a JSONB);]])
pair("json-type", [[ALTER TABLE "Tag" ADD COLUMN "a" JSON;]], [[ALTER TABLE "Tag" ADD COLUMN "a" JSONB;]])
pair("identifier-cut", ([[CREATE INDEX "Item_%s_idx" ON "Item" ("sku");]]):format(("long"):rep(16)),
  ([[CREATE INDEX "Item_%s_idx" ON "Item" ("sku"); -- %s]]):format(("long"):rep(12), ("x"):rep(90)))
pair("char-type", [[CREATE TABLE t (a CHAR(3));]], [[CREATE TABLE t (a TEXT);]])
pair("varchar-limit", [[CREATE TABLE t (a VARCHAR(30));]], [[CREATE TABLE t (a VARCHAR);]])
pair("timestamp-without-zone", [[CREATE TABLE t (a TIMESTAMP(3));]], [[CREATE TABLE t (a TIMESTAMPTZ(3));]])
pair("serial-type", [[CREATE TABLE t (a SERIAL);]], [[CREATE TABLE t (a INTEGER GENERATED BY DEFAULT AS IDENTITY);]])
pair("int-primary-key", [[CREATE TABLE t (a INTEGER PRIMARY KEY);]], [[CREATE TABLE t (a BIGINT PRIMARY KEY);]])
pair("int-primary-key", [[CREATE TABLE t (a SMALLINT, PRIMARY KEY (a));]],
  [[CREATE TABLE t (a SMALLINT, b INTEGER, PRIMARY KEY (a, b));]])
pair("unnamed-constraint", [[ALTER TABLE "Item" ADD CHECK ("id" > 0) NOT VALID;]],
  [[ALTER TABLE "Item" ADD CONSTRAINT "id_ok" CHECK ("id" > 0) NOT VALID;]])
pair("wide-index", [[CREATE INDEX w ON "User" (id, email, name, age);]],
  [[CREATE UNIQUE INDEX w ON "User" (id, email, name, age);]])
pair("unqualified-table", [[CREATE TABLE t (a INTEGER);]], [[CREATE TABLE public.t (a INTEGER);]])

return list
