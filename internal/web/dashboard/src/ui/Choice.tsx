import { useId } from 'react';

interface Props<Value extends string> {
  name: string;
  value: Value;
  options: Readonly<Record<Value, string>>;
  onChange(value: Value): void;
}

/** A choice of one of a few options, all of them visible. */
export function Choice<Value extends string>({ name, value, options, onChange }: Props<Value>) {
  const id = useId();
  return (
    <fieldset className="choice">
      <legend>{name}</legend>
      {(Object.keys(options) as Value[]).map((option) => (
        <label key={option}>
          <input type="radio" name={id} checked={option === value} onChange={() => onChange(option)} />
          <span>{options[option]}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** The option that a text of the address names; '' for all others. */
export function optionOf<Value extends string>(
  options: Record<Value, string>,
  text: string | null,
): Value | '' {
  return text !== null && Object.hasOwn(options, text) ? (text as Value) : '';
}
