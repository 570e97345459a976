import { ScrollTable } from '../ui/ScrollTable';
import { Visible } from '../ui/Visible';
import { type Change, changedCount, effectOf, KINDS } from './eventTypes';

const COLUMNS = ['Event type', 'What happens', 'Effect'];

/** What an import does to each type, and what it breaks. */
export function Changes({ changes, unchanged }: { changes: readonly Change[]; unchanged: number }) {
  const breaking = changes.filter((change) => effectOf(change) !== '').length;
  const count = changedCount(changes);
  return (
    <section aria-label="What changes">
      <p role="status">
        <b>
          {count === 0
            ? 'Nothing changes'
            : `${count.toLocaleString()} ${count === 1 ? 'type changes' : 'types change'}`}
        </b>
        {breaking > 0 && (
          <b className="wrong">
            , {breaking.toLocaleString()} of them {breaking === 1 ? 'breaks' : 'break'} something
          </b>
        )}
        {unchanged > 0 && `; ${unchanged.toLocaleString()} stay as they are`}.
      </p>
      {changes.length > 0 && (
        <ScrollTable label="Changes" columns={COLUMNS}>
          {changes.map((change) => (
            <tr key={change.name}>
              <td className="name">{change.name}</td>
              <td>
                {KINDS[change.kind]}
                {change.kind === 'CHANGED' && `: ${change.fields.join(', ')}`}
              </td>
              <td className="name">
                <span className="wrong">{effectOf(change)}</span>
                {change.violation && (
                  <div className="wrong">
                    <Visible text={change.violation} />
                  </div>
                )}
              </td>
            </tr>
          ))}
        </ScrollTable>
      )}
    </section>
  );
}
