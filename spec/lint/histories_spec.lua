-- Histories as projects have them, which apply: lint finds no error in them, nor in what pg_dump makes of the result.

local history = require "spec.support.history"
local process = require "host.process"
local server = require "spec.support.server"

-- Without psql's own commands, and without what every database has.
local function dump()
  local connection <const> = history.connection()
  local name <const> = connection:info().database
  connection:close()
  local params <const> = server.params()
  local dumped <const> = process.run({ "pg_dump", "-s", "-h", params.host, "-p", tostring(params.port), "-U", params.user, name },
    { env = { PATH = process.getenv "PATH" } })
  assert(dumped.code == 0, dumped.stderr)
  return (dumped.stdout:gsub("\n\\[^\n]*", "\n"):gsub("\nCREATE SCHEMA public;", "\n"))
end

local function assert_fine(scripts)
  local _, missed, alarms, said = history.hold(scripts)
  assert.same({}, said)
  assert.same({}, missed)
  assert.same({}, alarms)
end

local function applies(name, scripts)
  it(name, function()
    assert_fine(scripts)
    assert_fine { dump() }
  end)
end

describe("lint, of histories that apply", function()
  applies("an enum made anew, a key of another type", { [[
CREATE TYPE "Role" AS ENUM ('USER', 'ADMIN', 'X');
CREATE TABLE "User" (id SERIAL NOT NULL, role "Role" NOT NULL DEFAULT 'USER', roles "Role"[] DEFAULT ARRAY['USER']::"Role"[], CONSTRAINT "User_pkey" PRIMARY KEY (id));
]], [[
/*
  Warnings:
*/
-- AlterEnum
BEGIN;
CREATE TYPE "Role_new" AS ENUM ('USER', 'ADMIN');
ALTER TABLE "User" ALTER COLUMN "role" DROP DEFAULT;
ALTER TABLE "User" ALTER COLUMN "roles" DROP DEFAULT;
ALTER TABLE "User" ALTER COLUMN "role" TYPE "Role_new" USING ("role"::text::"Role_new");
ALTER TABLE "User" ALTER COLUMN "roles" TYPE "Role_new"[] USING ("roles"::text::"Role_new"[]);
ALTER TYPE "Role" RENAME TO "Role_old";
ALTER TYPE "Role_new" RENAME TO "Role";
DROP TYPE "public"."Role_old";
ALTER TABLE "User" ALTER COLUMN "role" SET DEFAULT 'USER';
COMMIT;
]], [[
ALTER TYPE "Role" ADD VALUE 'NEW';
]], [[
ALTER TABLE "User" ALTER COLUMN "role" SET DEFAULT 'NEW';
-- AlterTable
CREATE SEQUENCE user_n_seq;
ALTER TABLE "User" ADD COLUMN n INTEGER NOT NULL DEFAULT nextval('user_n_seq');
ALTER SEQUENCE user_n_seq OWNED BY "User"."n";
ALTER TABLE "User" ALTER COLUMN n DROP DEFAULT;
DROP SEQUENCE "user_n_seq";
ALTER TABLE "User" DROP CONSTRAINT "User_pkey", DROP COLUMN "id", ADD COLUMN "id" TEXT NOT NULL, ADD CONSTRAINT "User_pkey" PRIMARY KEY ("id");
]] })
  applies("names that PostgreSQL chose, and renaming", { [[
CREATE TABLE "User" ("id" SERIAL, "email" TEXT NOT NULL, PRIMARY KEY ("id"));
CREATE TABLE "Post" ("id" SERIAL, "authorId" INTEGER, "a" INT, "b" INT, PRIMARY KEY ("id"));
CREATE TABLE "_PostToUser" ("A" INTEGER NOT NULL, "B" INTEGER NOT NULL);
CREATE UNIQUE INDEX "User.email_unique" ON "User"("email");
CREATE UNIQUE INDEX "_PostToUser_AB_unique" ON "_PostToUser"("A", "B");
ALTER TABLE "Post" ADD FOREIGN KEY ("authorId") REFERENCES "User"("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "Post" ADD UNIQUE (a, b);
ALTER TABLE "_PostToUser" ADD FOREIGN KEY ("A") REFERENCES "Post"("id") ON DELETE CASCADE ON UPDATE CASCADE;
]], [[
ALTER TABLE "Post" DROP CONSTRAINT "Post_authorId_fkey";
ALTER TABLE "Post" RENAME CONSTRAINT "Post_a_b_key" TO "k";
ALTER INDEX "User.email_unique" RENAME TO "User_email_key";
ALTER TABLE "Post" ADD CONSTRAINT "Post_authorId_fkey" FOREIGN KEY ("authorId") REFERENCES "User"("id");
ALTER TABLE "User" RENAME TO "Person";
ALTER TABLE "Person" RENAME CONSTRAINT "User_pkey" TO "Person_pkey";
ALTER SEQUENCE "User_id_seq" RENAME TO "Person_id_seq";
ALTER TABLE "_PostToUser" ADD CONSTRAINT "_PostToUser_AB_pkey" PRIMARY KEY ("A", "B");
DROP INDEX "_PostToUser_AB_unique";
]] })
  applies("functions, triggers, views and rows", { [[
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE TABLE t (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), title text, body text, search tsvector GENERATED ALWAYS AS (to_tsvector('english', coalesce(title, '') || ' ' || coalesce(body, ''))) STORED, updated timestamptz);
CREATE INDEX t_search ON t USING gin (search);
CREATE INDEX t_trgm ON t USING gin (title gin_trgm_ops);
CREATE OR REPLACE FUNCTION touch() RETURNS TRIGGER AS $$ BEGIN NEW.updated = now(); RETURN NEW; END; $$ language 'plpgsql';
CREATE TRIGGER t_touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE PROCEDURE touch();
CREATE VIEW v AS WITH x AS (SELECT t.*, row_number() OVER (PARTITION BY title ORDER BY updated DESC) AS n FROM t) SELECT x.id, x.n, similarity(x.title, 'a') AS s FROM x LEFT JOIN LATERAL (SELECT count(*) AS c FROM t u WHERE u.title = x.title) AS l ON true WHERE l.c > 1;
CREATE MATERIALIZED VIEW mv AS SELECT id, title FROM t;
CREATE UNIQUE INDEX ON mv (id);
]], [[
UPDATE t SET title = sub.title FROM (SELECT id, title FROM t) AS sub WHERE t.id = sub.id;
INSERT INTO t (title) SELECT 'x' WHERE NOT EXISTS (SELECT 1 FROM t WHERE title = 'x') ON CONFLICT DO NOTHING;
DELETE FROM t a USING t b WHERE a.id < b.id AND a.title = b.title;
DO $$ DECLARE r RECORD; BEGIN FOR r IN SELECT id FROM t LOOP UPDATE t SET title = r.id::text WHERE id = r.id; END LOOP; END $$;
DO $$ BEGIN IF EXISTS (SELECT 1 FROM information_schema.columns WHERE table_name='t' AND column_name='old') THEN ALTER TABLE t RENAME COLUMN old TO new; END IF; END $$;
ALTER TABLE t ADD COLUMN new text;
DROP VIEW v; DROP MATERIALIZED VIEW mv;
ALTER TABLE t DROP COLUMN search;
ALTER TABLE t ALTER COLUMN title TYPE varchar(200);
WITH moved AS (DELETE FROM t WHERE title = 'z' RETURNING *) INSERT INTO t SELECT * FROM moved;
]] })
  applies("several schemas, a search_path, partitions", { [[
CREATE SCHEMA IF NOT EXISTS "auth"; CREATE SCHEMA IF NOT EXISTS "app";
CREATE TYPE "auth"."kind" AS ENUM ('a');
CREATE TABLE "auth"."user" (id text PRIMARY KEY, k "auth"."kind" DEFAULT 'a'::"auth"."kind");
CREATE TABLE "app"."order" (id bigint GENERATED BY DEFAULT AS IDENTITY, uid text REFERENCES "auth"."user"(id), at timestamp NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE app.order_2024 PARTITION OF app."order" FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE INDEX ON app."order" (uid);
SET search_path TO app, public;
ALTER TABLE "order" ADD COLUMN x int;
CREATE TABLE inapp (id int);
SET search_path TO DEFAULT;
ALTER TABLE app.inapp ADD COLUMN y int;
]] })
  applies("defaults that are inherited, rows of outer queries, ranges of ranges, a system column's grant", { [[
CREATE TABLE base (id serial PRIMARY KEY, label text);
CREATE TABLE special (id integer PRIMARY KEY) INHERITS (base);
CREATE TYPE span AS RANGE (subtype = integer);
CREATE TYPE words AS RANGE (subtype = text, multirange_type_name = many_words);
]], [[
INSERT INTO special (label) VALUES ('x');
SELECT two.label FROM base, LATERAL (SELECT base.label FROM special) AS one, LATERAL (SELECT one.* FROM special) AS two;
SELECT many_words(words('a', 'b'));
GRANT SELECT (label, tableoid) ON base TO PUBLIC;
DROP TYPE span;
CREATE TYPE span_multirange AS (x int);
]] })
end)
