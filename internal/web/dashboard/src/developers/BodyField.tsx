import type { ClipboardEvent } from 'react';
import { CopyButton } from '../ui/CopyButton';
import { Field } from '../ui/Field';
import { Visible } from '../ui/Visible';
import { base64, type Exact, isChangedByFields, replaced, textOf } from './bytes';

/** A body: as text, or as bytes that a text field would change. */
export type Given = string | Exact;

/** The length of the excerpt of a body that cannot be edited. */
const SHOWN = 400;

interface Props {
  given: Given;
  problem: string | undefined;
  onChange(given: Given): void;
}

/** The received body, whose bytes the page does not change. */
export function BodyField({ given, problem, onChange }: Props) {
  function onPaste(event: ClipboardEvent<HTMLTextAreaElement>) {
    const text = event.clipboardData.getData('text/plain');
    if (!isChangedByFields(text)) return;
    event.preventDefault();
    const { value, selectionStart, selectionEnd } = event.currentTarget;
    onChange(replaced(value, selectionStart, selectionEnd, text));
  }

  async function onFile(file: File | undefined) {
    if (file) onChange({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });
  }

  return (
    <>
      {typeof given === 'string' ? (
        <Field
          label="Received body"
          hint="The raw body, before anything parses it. It is sent as it is here, with every space and line end."
          problem={problem}
        >
          {(field) => (
            <textarea
              {...field}
              name="body"
              rows={8}
              spellCheck={false}
              value={given}
              onPaste={onPaste}
              onChange={(event) => onChange(event.target.value)}
            />
          )}
        </Field>
      ) : (
        <HeldBody body={given} problem={problem} onRemove={() => onChange('')} />
      )}
      <p>
        <label>
          Or its exact bytes from a file{' '}
          <input
            type="file"
            name="file"
            onChange={(event) => {
              void onFile(event.target.files?.[0]);
              event.target.value = ''; // the same file can be chosen again after a change
            }}
          />
        </label>
      </p>
    </>
  );
}

interface HeldProps {
  body: Exact;
  problem: string | undefined;
  onRemove(): void;
}

/** A body that is not in a text field, because that would change it. */
function HeldBody({ body: { name, bytes }, problem, onRemove }: HeldProps) {
  const text = textOf(bytes);
  return (
    <section className="field" aria-label="Received body">
      <div className="section-head">
        <b>Received body</b>
        <span>
          <Visible text={name} />, {bytes.length.toLocaleString()} {bytes.length === 1 ? 'byte' : 'bytes'}
        </span>
        <CopyButton text={() => base64(bytes)}>Copy as base64</CopyButton>
        <button type="button" onClick={onRemove}>
          Remove
        </button>
      </div>
      {text === null ? (
        <p className="soft">It is not UTF-8, and is sent as it is.</p>
      ) : (
        <div className="code">
          <pre>
            <Visible text={text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text} all />
          </pre>
        </div>
      )}
      {problem && (
        <p className="wrong" role="alert">
          {problem}
        </p>
      )}
    </section>
  );
}
