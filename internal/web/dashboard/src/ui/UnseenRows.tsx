import { memo } from 'react';
import { pieces } from './visible';

interface Props<Row> {
  rows: readonly Row[];
  /** The height of a row, in pixels. */
  height: number;
  /** The indexes of the rows that are rendered. */
  seen: ReadonlySet<number>;
  /** The texts of a row's cells. It must be stable between renders. */
  textsOf(row: Row): readonly string[];
}

/**
 * The texts of rows that are not rendered, each in its place. Nobody sees them, but the browser's search finds them and scrolls to them; then the
 * row is rendered there.
 */
export function UnseenRows<Row extends { id: string }>({ rows, height, seen, textsOf }: Props<Row>) {
  return rows.map((row, index) => (
    <Unseen key={row.id} row={row} height={height} isSeen={seen.has(index)} textsOf={textsOf as TextsOf} />
  ));
}

type TextsOf = (row: unknown) => readonly string[];

interface UnseenProps {
  row: unknown;
  height: number;
  isSeen: boolean;
  textsOf: TextsOf;
}

const Unseen = memo(function Unseen({ row, height, isSeen, textsOf }: UnseenProps) {
  // What the browser has found it shows, so the text that comes back is another element, hidden again.
  if (isSeen) return <div key="seen" style={{ height }} />;
  return (
    <div key="unseen" aria-hidden="true" style={{ height, overflow: 'hidden' }} ref={hide}>
      {textsOf(row).map(shown).join('\n')}
    </div>
  );
});

/** Hides an element until the browser's search finds it. React knows the attribute only as a yes or no. */
function hide(element: HTMLElement | null) {
  element?.setAttribute('hidden', 'until-found');
}

/** Untrusted text as Visible shows it. */
function shown(text: string): string {
  return pieces(text)
    .map((piece) => ('text' in piece ? piece.text : piece.code))
    .join('');
}
