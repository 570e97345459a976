import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import { useShortcut } from '../ui/shortcuts';
import { examples, type Filter, type Key, print, printTerm } from './words';

interface Props {
  text: string;
  filter: Filter;
  /** The words that the list has. */
  keys: readonly Key[];
  placeholder: string;
  /** A message about the filter. */
  note?: string | undefined;
  onChange(text: string): void;
}

const STATUSES = ['failed', 'pending', 'succeeded', 'held', 'canceled'];
const RANGES = ['1h', '24h', '7d'];

/** The filter of the list, as text and as chips that remove or add a word. */
export function FilterBar({ text, filter, keys, placeholder, note, onChange }: Props) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState(text);
  useEffect(() => setTyped(text), [text]);
  useShortcut('/', 'Type a filter', () => input.current?.select());

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    onChange(typed.trim());
  }

  const { terms } = filter;
  const statuses = keys.includes('status') ? STATUSES : [];
  const has = (key: string, value: string) => terms.some((term) => term.key === key && term.value === value);
  const add = (key: 'status' | 'since', value: string) =>
    onChange(print([...terms.filter((term) => key === 'status' || term.key !== key), { key, value }]));

  return (
    <form className="filter" role="search" onSubmit={onSubmit}>
      <label htmlFor={id} className="unseen">
        Filter
      </label>
      <input
        ref={input}
        id={id}
        type="search"
        value={typed}
        placeholder={`Filter: ${placeholder}`}
        spellCheck={false}
        autoComplete="off"
        autoCapitalize="none"
        aria-describedby={`${id}-help`}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={() => typed.trim() !== text && onChange(typed.trim())}
      />
      <div className="chips">
        {terms.map((term, i) => (
          <button
            type="button"
            className="chip on"
            key={printTerm(term)}
            onClick={() => onChange(print(terms.toSpliced(i, 1)))}
            aria-label={`Remove ${printTerm(term)}`}
          >
            {printTerm(term)} <span aria-hidden="true">×</span>
          </button>
        ))}
        {statuses
          .filter((status) => !has('status', status))
          .map((status) => (
            <button type="button" className="chip" key={status} onClick={() => add('status', status)}>
              {status}
            </button>
          ))}
        {RANGES.filter((range) => !has('since', range)).map((range) => (
          <button type="button" className="chip" key={range} onClick={() => add('since', range)}>
            last {range}
          </button>
        ))}
      </div>
      {note && <p className="soft">{note}</p>}
      <p id={`${id}-help`} className={filter.problems.length > 0 ? 'alert' : 'unseen'} role="status">
        {filter.problems.length > 0
          ? filter.problems.join(' ')
          : `Words such as ${examples(keys).join(', ')}`}
      </p>
    </form>
  );
}
