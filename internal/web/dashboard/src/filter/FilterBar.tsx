import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import { useShortcut } from '../ui/shortcuts';
import type { Suggestion } from './suggestions';
import { examples, type Filter, type Key, print, printTerm, type Term, valuesOf } from './words';

interface Props {
  text: string;
  filter: Filter;
  /** The words that the list supports. */
  keys: readonly Key[];
  placeholder: string;
  suggestions?: readonly Suggestion[];
  /** A message about the filter. */
  note?: string | undefined;
  onChange(text: string): void;
}

const RANGES = ['1h', '24h', '7d'];

/** The range after a given one; null after the longest. After an unknown range comes the first. */
function nextRange(range: string | undefined): string | null {
  return RANGES[RANGES.indexOf(range ?? '') + 1] ?? null;
}

/** The filter of the list, as text and as chips that remove or add a word. */
export function FilterBar(props: Props) {
  const { text, filter, keys, placeholder, suggestions = [], note, onChange } = props;
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
  const has = (key: string, value: string) =>
    terms.some((term) => term.key === key && term.value.toLowerCase() === value.toLowerCase());
  const add = (term: Term) => onChange(print([...terms, term]));
  const withoutRange = terms.filter(({ key }) => key !== 'since' && key !== 'until');
  const setRange = (range: string | null) =>
    onChange(print(range ? [...withoutRange, { key: 'since', value: range }] : withoutRange));
  useShortcut('t', 'Next time range', () => setRange(nextRange(valuesOf(terms, 'since').at(-1))));

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
        {suggestions
          .filter(({ key, value }) => !has(key, value))
          .map(({ key, value, count }) => (
            <button
              type="button"
              className="chip"
              key={`${key}:${value}`}
              onClick={() => add({ key, value })}
            >
              {value} {count && <b>{count}</b>}
            </button>
          ))}
        {RANGES.filter((range) => !has('since', range)).map((range) => (
          <button type="button" className="chip" key={range} onClick={() => setRange(range)}>
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
