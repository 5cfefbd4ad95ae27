// What Prisma Migrate would change in databases, by its own engine:
//   node prisma_drift.mjs NODE_MODULES     reads a JSON list of { url, schema }, prints a JSON list of scripts;
// null where the engine breaks down

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const modules = resolve(process.argv[2]);
const load = createRequire(join(modules, "x.js"));
const { PrismaPg } = load("@prisma/adapter-pg");
const { bindMigrationAwareSqlAdapterFactory } = load("@prisma/driver-adapter-utils");
const Result = load("pg/lib/result.js");

// The adapter does not know the types "char" (18) and "name" (19), for which the engine asks: it is told "text" (25).
const { addFields } = Result.prototype;
Result.prototype.addFields = function (fields) {
  for (const field of fields) if (field.dataTypeID === 18 || field.dataTypeID === 19) field.dataTypeID = 25;
  return addFields.call(this, fields);
};

const engineFolder = join(modules, "@prisma/schema-engine-wasm");
const engine = await import(pathToFileURL(join(engineFolder, "schema_engine_bg.js")));
const module = new WebAssembly.Module(readFileSync(join(engineFolder, "schema_engine_bg.wasm")));
globalThis.PRISMA_WASM_PANIC_REGISTRY = { set_message: () => {} };

function begin() {
  const { exports } = new WebAssembly.Instance(module, { "./schema_engine_bg.js": engine });
  engine.__wbg_set_wasm(exports);
  exports.__wbindgen_start();
}

async function script({ url, schema }) {
  const files = [{ path: "schema.prisma", content: schema }];
  const factory = bindMigrationAwareSqlAdapterFactory(new PrismaPg({ connectionString: url }));
  const instance = await engine.SchemaEngine.new({ datamodels: [["schema.prisma", schema]] }, () => {}, factory);
  const { stdout } = await instance.diff({ from: { tag: "schemaDatasource", files, configDir: "/" },
    to: { tag: "schemaDatamodel", files }, script: true, shadowDatabaseUrl: null, exitCode: null,
    filters: { externalTables: [], externalEnums: [] } });
  return stdout;
}

begin();
const scripts = [];
for (const asked of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    scripts.push(await script(asked));
  } catch {
    scripts.push(null); // the engine broke down, and must begin anew
    begin();
  }
}
console.log(JSON.stringify(scripts));
process.exit(0);
