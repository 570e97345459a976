/** The typed paths, one per line; null for all of the data. */
export function fieldsOf(text: string): string[] | null {
  const paths = text
    .split('\n')
    .map((path) => path.trim())
    .filter(Boolean);
  return paths.length > 0 ? paths : null;
}

interface UserError {
  field: readonly string[];
  message: string;
}

/** The errors of a member of the payload, each with where it is below that; undefined if there are none. */
export function problemsOf(errors: readonly UserError[], member: string): string | undefined {
  const messages = errors
    .filter(({ field }) => field[1] === 'payload' && field[2] === member)
    .map(({ field, message }) => [field.slice(3).join('.'), message].filter(Boolean).join(': '));
  return messages.length > 0 ? messages.join('; ') : undefined;
}
