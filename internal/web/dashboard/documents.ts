import { createHash } from 'node:crypto';
import { formatDocument, stringifyDocument } from '@urql/core';
import { type DocumentNode, Kind, print, stripIgnoredCharacters } from 'graphql';
import type { Plugin } from 'vite';
import * as generated from './src/gql/graphql.ts';

/**
 * Writes documents.json: the page's operations by their SHA-256, for servers that run trusted documents only. The text is
 * made by the same functions as in the page.
 */
export function trustedDocuments(): Plugin {
  return {
    name: 'trusted-documents',
    apply: 'build',
    generateBundle() {
      const texts = Object.values(generated)
        .map(sent)
        .filter((text) => text !== undefined);
      const documents = Object.fromEntries(
        texts.map((text) => [createHash('sha256').update(text).digest('hex'), text]),
      );
      this.emitFile({ type: 'asset', fileName: 'documents.json', source: JSON.stringify(documents) });
    },
  };
}

/** The text that the page sends for an exported value; undefined if it is not an operation. */
function sent(value: unknown): string | undefined {
  const document = value as DocumentNode;
  if (document.kind !== Kind.DOCUMENT) return undefined;
  const operation = document.definitions.find(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  if (!operation || !('operation' in operation)) return undefined;
  // Subscriptions are sent as they are (src/api/watch.ts); the cache of urql adds the names of types to all others.
  return stringifyDocument(operation.operation === 'subscription' ? document : formatDocument(document));
}

/** A generated document: its name, and its syntax tree as JSON. */
const GENERATED = /^export const (\w+) = (\{"kind":"Document".*\}) as unknown as (DocumentNode<.*>);$/gm;

/** Has the page parse the text of each generated document instead of loading its syntax tree, which is many times as long. */
export function documentsAsText(): Plugin {
  return {
    name: 'documents-as-text',
    apply: 'build',
    enforce: 'pre',
    transform(code, id) {
      if (!id.endsWith('/src/gql/graphql.ts')) return;
      const short = code.replace(GENERATED, (_, name: string, tree: string, type: string) => {
        const text = stripIgnoredCharacters(print(JSON.parse(tree) as DocumentNode));
        return `export const ${name} = /* @__PURE__ */ parse(${JSON.stringify(text)}) as unknown as ${type};`;
      });
      const parse = `import { parse as parseText } from '@0no-co/graphql.web';
const parse = (text: string) => parseText(text, { noLocation: true });`;
      return { code: `${parse}\n${short}`, map: null };
    },
  };
}
