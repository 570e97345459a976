import { useMemo, useState } from 'react';
import { Choice } from './Choice';
import { CopyButton } from './CopyButton';
import { layOut } from './json';
import { Visible } from './Visible';

const FORMS = { laidOut: 'Laid out', sent: 'As sent' };
type Form = keyof typeof FORMS;

/** A body of a request or a response, exactly as it was sent; JSON also with line breaks between its tokens. */
export function Body({ text, label }: { text: string; label: string }) {
  const laidOut = useMemo(() => layOut(text), [text]);
  const [form, setForm] = useState<Form>('laidOut');
  if (text === '') return <p className="soft">The body is empty.</p>;
  return (
    <div className="body">
      <div className="body-tools">
        {laidOut !== null && laidOut !== text && (
          <Choice<Form> name={`Form of the ${label}`} value={form} options={FORMS} onChange={setForm} />
        )}
        <CopyButton text={text}>Copy body</CopyButton>
      </div>
      <section className="code" aria-label={label}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
        <pre tabIndex={0}>
          <Visible text={form === 'laidOut' && laidOut !== null ? laidOut : text} />
        </pre>
      </section>
    </div>
  );
}
