/** The typed paths, one per line; null for all of the data. */
export function fieldsOf(text: string): string[] | null {
  const paths = text
    .split('\n')
    .map((path) => path.trim())
    .filter(Boolean);
  return paths.length > 0 ? paths : null;
}

/** The text of a stored template, read exactly; "" if there is none. */
export function templateText(exact: unknown): string {
  return typeof exact === 'string' && exact !== 'null' ? exact : '';
}

/** The content type among a request's header fields. */
export function contentTypeOf(headers: readonly { name: string; value: string }[]): string {
  return headers.find(({ name }) => name.toLowerCase() === 'content-type')?.value ?? '';
}
