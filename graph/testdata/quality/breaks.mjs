// Compares the GraphQL schema and the OpenAPI document with those of the last release, which are in released/. A change that breaks a client fails,
// unless accepted.json says why it was made: {"Webhook.note": "why", "GET /v1/webhooks 200.note": "why"}. `.ci/release --copies VERSION` makes the
// copies. Usage: node breaks.mjs
import { existsSync, readFileSync } from 'node:fs';
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';
import { restBreaks } from './rest.mjs';

/** What breaks in going from one schema to another. */
async function schemaBreaks(before, after) {
  const changes = await diff(buildSchema(before), buildSchema(after));
  return changes.filter((c) => c.criticality.level === CriticalityLevel.Breaking);
}

/** What is wrong with going from one release to another, one line each; accepted has a reason for each path. */
export async function breaks(before, after, accepted = {}) {
  const unused = new Set(Object.keys(accepted));
  const problems = [];
  const found = [...(await schemaBreaks(before.schema, after.schema)), ...restBreaks(before.openapi, after.openapi)];
  for (const change of found) {
    if (!accepted[change.path]) problems.push(`${change.path}: ${change.message}`);
    unused.delete(change.path);
  }
  for (const path of unused) problems.push(`${path}: accepted.json lists it, and nothing breaks there`);
  return problems;
}

if (process.argv[1] === import.meta.filename) {
  const file = (name) => new URL(name, import.meta.url);
  const text = (name) => readFileSync(file(name), 'utf8');
  if (!existsSync(file('released/VERSION'))) {
    console.log('nothing is released yet, so no change can break a client: compared with nothing');
  } else {
    const released = { schema: text('released/schema.graphql'), openapi: JSON.parse(text('released/openapi.json')) };
    const here = { schema: text('../../schema.graphql'), openapi: JSON.parse(text('../../../internal/web/openapi.json')) };
    const found = await breaks(released, here, JSON.parse(text('accepted.json')));
    for (const problem of found) console.error(problem);
    console.log(`compared with ${text('released/VERSION').trim()}: ${found.length} unaccepted breaks`);
    if (found.length > 0) process.exitCode = 1;
  }
}
