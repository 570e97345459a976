export interface UserError {
  field: readonly string[];
  message: string;
  code?: string;
}

/** What a conflict means for a form: it has followed, so that it can be saved again. */
export const CONFLICT =
  'Someone changed the webhook meanwhile, so nothing was saved. The form has what is stored now and what you typed.';

/** Whether an error is about the input's member at the path, or something within it. */
function isAt({ field }: UserError, path: readonly string[]): boolean {
  return path.every((name, i) => field[i + 1] === name);
}

/** The errors of a member of the input, each with where it is below that; undefined if there are none. */
export function problemsAt(errors: readonly UserError[], ...path: string[]): string | undefined {
  const messages = errors
    .filter((error) => isAt(error, path))
    .map(({ field, message }) =>
      [field.slice(path.length + 1).join('.'), message].filter(Boolean).join(': '),
    );
  return messages.length > 0 ? messages.join('; ') : undefined;
}

/** The messages of the errors that are about none of the members. */
export function otherProblems(errors: readonly UserError[], shown: readonly string[][]): string[] {
  return errors
    .filter((error) => !shown.some((path) => isAt(error, path)))
    .map(({ code, message }) => (code === 'CONFLICT' ? CONFLICT : message));
}
