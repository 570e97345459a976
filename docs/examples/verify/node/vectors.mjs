// Verifies the vectors in a file: node docs/examples/verify/node/vectors.mjs docs/vectors.json
import { readFileSync } from "node:fs";
import { verify } from "./verify.mjs";

const { vectors } = JSON.parse(readFileSync(process.argv[2], "utf8"));
let agree = 0;
for (const { name, keys, headers, body, now, valid } of vectors) {
  let error = null;
  try {
    verify(keys, headers, Buffer.from(body), now);
  } catch (e) {
    error = e;
  }
  if ((error === null) !== valid) {
    console.error(`node: ${name}: ${error}`);
    process.exit(1);
  }
  agree++;
}
console.log(`node: ${agree} agree, 0 skipped`);
