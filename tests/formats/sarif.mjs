// Validates SARIF files against the published schema: node sarif.mjs SCHEMA FILE...
import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";
import formats from "ajv-formats";

const [schema, ...files] = process.argv.slice(2);
const ajv = new Ajv({ strict: false, allErrors: true });
formats(ajv);
const valid = ajv.compile(JSON.parse(readFileSync(schema, "utf8")));
let bad = 0;
for (const file of files) {
  if (valid(JSON.parse(readFileSync(file, "utf8")))) continue;
  bad++;
  for (const e of valid.errors.slice(0, 10)) console.error(`${file}: ${e.instancePath} ${e.message}`);
}
process.exit(bad ? 1 : 0);
