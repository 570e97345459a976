import { now } from '../api/clock';
import { CopyButton } from '../ui/CopyButton';
import { frozen, print, type Term } from './words';

/** Copies the address of a list, with relative times fixed. */
export function FrozenLink({ terms }: { terms: readonly Term[] }) {
  return (
    <CopyButton
      text={() => {
        const url = new URL(location.href);
        const q = print(frozen(terms, now()));
        if (q) url.searchParams.set('q', q);
        return url.href;
      }}
    >
      Copy link
    </CopyButton>
  );
}
