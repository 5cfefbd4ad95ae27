// What Prisma's own validator says of schemas:
//   node prisma_verdicts.mjs NODE_MODULES SCHEMA...      prints a JSON object, path -> true, or the lines of its errors
//   node prisma_verdicts.mjs NODE_MODULES --variants     reads a JSON list of texts, prints a JSON list of the same
// spec/fixtures/schemas/verdicts.json is made with the first, from within spec/fixtures/schemas.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [modules, ...schemas] = process.argv.slice(2);
const validator = createRequire(import.meta.url)(
  join(resolve(modules), "@prisma/prisma-schema-wasm/src/prisma_schema_build.js"));

// null where the validator itself breaks down.
function verdict(text) {
  try {
    validator.validate(JSON.stringify({ prismaSchema: [["s.prisma", text]], noColor: true }));
    return true;
  } catch (error) {
    let message;
    try {
      message = JSON.parse(error.message).message;
    } catch {
      return null;
    }
    const lines = [...message.matchAll(/-->.*?s\.prisma:(\d+)/g)].map((match) => Number(match[1]));
    return [...new Set(lines)].sort((a, b) => a - b);
  }
}

if (schemas[0] === "--variants") {
  console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(verdict)));
} else {
  const rows = schemas.map((path) => `${JSON.stringify(path)}: ${JSON.stringify(verdict(readFileSync(path, "utf8")))}`);
  console.log(`{\n${rows.join(",\n")}\n}`);
}
