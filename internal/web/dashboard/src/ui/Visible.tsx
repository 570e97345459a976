import { useMemo } from 'react';
import { pieces } from './visible';

/** Untrusted text: never as HTML, and with invisible characters shown by name. */
export function Visible({ text }: { text: string }) {
  const found = useMemo(() => pieces(text), [text]);
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
