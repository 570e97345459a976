/** The typed paths, one per line; null for all of the data. */
export function fieldsOf(text: string): string[] | null {
  const paths = text
    .split('\n')
    .map((path) => path.trim())
    .filter(Boolean);
  return paths.length > 0 ? paths : null;
}
