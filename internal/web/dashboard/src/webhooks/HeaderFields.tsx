import type { HeaderForm } from './settings';

interface Props {
  headers: readonly HeaderForm[];
  onChange(headers: readonly HeaderForm[]): void;
  problem: string | undefined;
}

/** The header fields of every attempt. The value of a sensitive one is not shown; left empty, it is unchanged. */
export function HeaderFields({ headers, onChange, problem }: Props) {
  const change = (at: number, change: Partial<HeaderForm>) =>
    onChange(headers.map((header, i) => (i === at ? { ...header, ...change } : header)));
  return (
    <fieldset className="header-fields">
      <legend>Header fields</legend>
      {headers.map((header, i) => (
        <div key={header.key}>
          <input
            aria-label={`Name of header field ${i + 1}`}
            placeholder="X-Name"
            spellCheck={false}
            value={header.name}
            onChange={(event) => change(i, { name: event.target.value })}
          />
          <input
            aria-label={`Value of header field ${i + 1}`}
            placeholder={header.isKept ? 'hidden; stays as it is' : ''}
            spellCheck={false}
            value={header.value}
            onChange={(event) => change(i, { value: event.target.value })}
          />
          <label className="check">
            <input
              type="checkbox"
              checked={header.sensitive}
              disabled={header.isKept}
              onChange={(event) => change(i, { sensitive: event.target.checked })}
            />
            <span>Sensitive</span>
          </label>
          <button
            type="button"
            className="quiet"
            aria-label={`Remove header field ${i + 1}`}
            onClick={() => onChange(headers.filter((_, at) => at !== i))}
          >
            ×
          </button>
        </div>
      ))}
      <button
        type="button"
        onClick={() =>
          onChange([
            ...headers,
            { key: `new ${Date.now()}`, name: '', value: '', sensitive: false, isKept: false },
          ])
        }
      >
        Add a header field
      </button>
      <p className={problem ? 'wrong' : 'soft'} role={problem ? 'alert' : undefined}>
        {problem ?? 'Every attempt has them. What is sensitive is never shown again.'}
      </p>
    </fieldset>
  );
}
