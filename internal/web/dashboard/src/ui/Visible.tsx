import { useMemo } from 'react';
import { pieces } from './visible';

/** Untrusted text: never as HTML, and with invisible characters shown by name; with all, line ends and tabs too. */
export function Visible({ text, all = false }: { text: string; all?: boolean }) {
  const found = useMemo(() => pieces(text, all), [text, all]);
  return (
    <bdi className="visible">
      {found.map((piece, i) =>
        'text' in piece ? (
          piece.text
        ) : (
          <span key={i} className="hidden-character" title={piece.name}>
            {piece.code}
          </span>
        ),
      )}
    </bdi>
  );
}
