import type { Names } from './merged';

interface Props<Form> {
  clashes: readonly (keyof Form)[];
  names: Names<Form>;
}

/** Says what others changed of what was typed, before it is saved over theirs. */
export function Meanwhile<Form>({ clashes, names }: Props<Form>) {
  if (clashes.length === 0) return null;
  return (
    <p className="notice" role="status">
      Someone changed this meanwhile: {clashes.map((key) => names[key]).join(', ')}. Saving replaces it by
      what you typed.
    </p>
  );
}
