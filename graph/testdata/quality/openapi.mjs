// Lints the OpenAPI document of the REST surface: `node openapi.mjs FILE`. It reads nothing else, and sends nothing.
import { createConfig, lint } from "@redocly/openapi-core";

const config = await createConfig({
  extends: ["recommended-strict"],
  rules: {
    "info-license": "error",
    "no-invalid-media-type-examples": "error",
    "no-invalid-schema-examples": "error",
    "no-invalid-parameter-examples": "error",
    "no-unused-components": "error",
    "operation-description": "error",
    "operation-operationId-unique": "error",
    "operation-singular-tag": "error",
    "operation-tag-defined": "error",
    "parameter-description": "error",
    "tag-description": "error",
    "no-server-example.com": "off",
    "no-ambiguous-paths": "off", // openapi.json is no name of an event type
    "no-identical-paths": "error",
  },
});
const problems = (await lint({ ref: process.argv[2], config })).filter((p) => !p.ignored);
for (const p of problems) {
  console.error(`${p.severity} ${p.ruleId} ${p.location[0]?.pointer ?? ""}: ${p.message}`);
}
process.exit(problems.length > 0 ? 1 : 0);
