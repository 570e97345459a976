import { type ReactNode, useId } from 'react';

interface Props {
  label: string;
  hint?: string;
  /** The validation error, if there is one. */
  problem: string | undefined;
  children(field: { id: string; 'aria-describedby': string; 'aria-invalid': boolean }): ReactNode;
}

/** A labelled field of a form, with a hint or a validation error. */
export function Field({ label, hint, problem, children }: Props) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, 'aria-describedby': `${id}-hint`, 'aria-invalid': problem !== undefined })}
      <p id={`${id}-hint`} className={problem ? 'wrong' : 'soft'} role={problem ? 'alert' : undefined}>
        {problem ?? hint}
      </p>
    </div>
  );
}

interface NumberProps {
  name: string;
  label: string;
  hint: string;
  problem: string | undefined;
  min: number;
  /** The text in the field; "" for none. */
  value: string;
  onChange(text: string): void;
}

/** A field for a number, or nothing. */
export function NumberField({ name, label, hint, problem, min, value, onChange }: NumberProps) {
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(field) => (
        <input
          {...field}
          name={name}
          type="number"
          min={min}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

interface SelectProps<Value extends string> {
  name: string;
  label: string;
  hint: string;
  problem: string | undefined;
  options: Readonly<Record<Value, string>>;
  value: Value;
  onChange(value: Value): void;
}

/** A field for one of a few options, each with a text. */
export function SelectField<Value extends string>({
  name,
  label,
  hint,
  problem,
  options,
  value,
  onChange,
}: SelectProps<Value>) {
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(field) => (
        <select
          {...field}
          name={name}
          value={value}
          onChange={(event) => onChange(event.target.value as Value)}
        >
          {(Object.keys(options) as Value[]).map((option) => (
            <option key={option} value={option}>
              {options[option]}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
