import { Attempts } from './documents.js';
import { server, token } from './settings.js';

// Sends only the hash that graphql-codegen computed of the document: "sha256:…".
const { hash } = (Attempts as unknown as { __meta__: { hash: string } }).__meta__;
const sha256Hash = hash.replace('sha256:', '');
const response = await fetch(`${server}/graphql`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
  body: JSON.stringify({
    variables: { filter: { statuses: ['FAILED'] } },
    extensions: { persistedQuery: { version: 1, sha256Hash } },
  }),
});
console.log(JSON.stringify(await response.json()));
