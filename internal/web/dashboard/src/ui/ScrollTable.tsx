import type { ReactNode } from 'react';

interface Props {
  label: string;
  columns: readonly string[];
  /** The rows, as tr elements; in tbody elements if they are in groups. */
  children: ReactNode;
  isGrouped?: boolean;
}

/** A table that scrolls horizontally if it does not fit. */
export function ScrollTable({ label, columns, children, isGrouped }: Props) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
    <section className="table scrolls" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th scope="col" key={column}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        {isGrouped ? children : <tbody>{children}</tbody>}
      </table>
    </section>
  );
}
