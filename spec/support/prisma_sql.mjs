// The SQL that Prisma Migrate would make of schemas, by its own engine:
//   node prisma_sql.mjs NODE_MODULES SCHEMA...   prints a JSON object, path -> SQL
// spec/fixtures/schemas/migrate.json is made with it, from within spec/fixtures/schemas.
// The engine wants a database to ask; for a comparison with nothing it does without the answers.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, ...schemas] = process.argv.slice(2);
const engineFolder = join(resolve(modules), "@prisma/schema-engine-wasm");
const engine = await import(pathToFileURL(join(engineFolder, "schema_engine_bg.js")));
const { exports } = new WebAssembly.Instance(
  new WebAssembly.Module(readFileSync(join(engineFolder, "schema_engine_bg.wasm"))), { "./schema_engine_bg.js": engine });
engine.__wbg_set_wasm(exports);
exports.__wbindgen_start();

const result = (value) => ({ ok: true, value, map: (f) => result(f(value)), flatMap: (f) => f(value) });
const errorRegistry = { consumeError: () => undefined };
const connection = {
  provider: "postgres", adapterName: "nothing", errorRegistry,
  queryRaw: async () => result({ columnTypes: [], columnNames: [], rows: [] }),
  executeRaw: async () => result(0), executeScript: async () => result(undefined), dispose: async () => result(undefined),
  getConnectionInfo: () => result({ schemaName: "public", supportsRelationJoins: true }),
};
const connect = async () => result(connection);
const factory = { provider: "postgres", adapterName: "nothing", connect, connectToShadowDb: connect, errorRegistry };
const silent = () => {};

const found = {};
for (const path of schemas) {
  const instance = await engine.SchemaEngine.new({ datamodels: undefined }, silent, factory);
  const to = { tag: "schemaDatamodel", files: [{ path, content: readFileSync(path, "utf8") }] };
  const { stdout } = await instance.diff({ from: { tag: "empty" }, to, script: true, shadowDatabaseUrl: null, exitCode: null,
    filters: { externalTables: [], externalEnums: [] } });
  found[path] = stdout;
}
console.log(JSON.stringify(found, null, 1));
