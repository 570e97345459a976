import { type ReactNode, useState } from 'react';

/** Copies text, and reports whether it succeeded. */
export function CopyButton({ text, children }: { text: string | (() => string); children: ReactNode }) {
  const [said, setSaid] = useState('');
  async function copy() {
    try {
      await navigator.clipboard.writeText(typeof text === 'string' ? text : text());
      setSaid('Copied');
    } catch {
      setSaid('The browser did not allow it');
    }
    setTimeout(() => setSaid(''), 2000);
  }
  return (
    <button type="button" className="quiet" onClick={() => void copy()}>
      {children}
      <span role="status" className="said">
        {said}
      </span>
    </button>
  );
}
