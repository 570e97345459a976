// The schema that introspection tells and the one at /schema.graphql are the same. Usage: node identical.mjs URL TOKEN
import assert from 'node:assert/strict';
import { buildClientSchema, buildSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema } from 'graphql';

const [url, token] = process.argv.slice(2);
const query = getIntrospectionQuery({
  descriptions: true,
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  oneOf: true,
});
const answer = await fetch(`${url}/graphql`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
  body: JSON.stringify({ query }),
});
const { data, errors } = await answer.json();
assert.equal(errors, undefined);
const served = await fetch(`${url}/schema.graphql`);
assert.equal(served.status, 200);

const print = (schema) => printSchema(lexicographicSortSchema(schema));
const told = print(buildClientSchema(data));
assert.ok(told.includes('type Webhook implements Node'));
const written = print(buildSchema(await served.text()));
if (told !== written) {
  const [a, b] = [told.split('\n'), written.split('\n')];
  const at = a.findIndex((line, i) => line !== b[i]);
  const around = (lines) => lines.slice(Math.max(0, at - 10), at + 10).join('\n');
  assert.fail(`introspection says:\n${around(a)}\n\nschema.graphql says:\n${around(b)}`);
}
console.log('ok');
