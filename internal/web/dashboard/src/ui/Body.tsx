import { type ClipboardEvent, useEffect, useMemo, useState } from 'react';
import { BodyText } from './BodyText';
import { BodyTree } from './BodyTree';
import { Choice } from './Choice';
import { CopyButton } from './CopyButton';
import { atOnce, inSlices } from './inSlices';
import { laidOut } from './json';

type Form = 'laidOut' | 'sent' | 'tree';

/** A body of at most as many characters is laid out at once. */
const SHORT = 65_536;

interface Props {
  text: string;
  label: string;
  /** The form of JSON that is shown until another one is chosen. */
  first?: Form;
}

/** A body of a request or a response, exactly as it was sent; JSON also with line breaks between its tokens, or as a tree. */
export function Body({ text, label, first = 'laidOut' }: Props) {
  const formatted = useLaidOut(text);
  const [form, setForm] = useState(first);
  if (text === '') return <p className="soft">The body is empty.</p>;
  const isJSON = formatted !== null;
  const hasLayout = formatted !== text;
  const shown = !isJSON || (form === 'laidOut' && !hasLayout) ? 'sent' : form;
  const options = hasLayout
    ? { laidOut: 'Laid out', sent: 'As sent', tree: 'Tree' }
    : { sent: 'As sent', tree: 'Tree' };
  return (
    <div className="body">
      <div className="body-tools">
        {isJSON && (
          <Choice<Form>
            name={`Form of the ${label}`}
            value={shown}
            options={options as Record<Form, string>}
            onChange={setForm}
          />
        )}
        <CopyButton text={text}>Copy body</CopyButton>
      </div>
      {shown === 'tree' ? (
        <BodyTree text={text} label={label} />
      ) : (
        <section className="code" aria-label={label}>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
          <pre tabIndex={0} onCopy={copyExactly}>
            <BodyText text={shown === 'laidOut' ? (formatted ?? text) : text} />
          </pre>
        </section>
      )}
    </div>
  );
}

/** Copies the selected text without line breaks that the page needs for its layout. */
function copyExactly(event: ClipboardEvent<HTMLElement>) {
  const selection = getSelection();
  const range = selection?.rangeCount === 1 ? selection.getRangeAt(0) : null;
  if (!range || range.collapsed || !event.currentTarget.contains(range.commonAncestorContainer)) return;
  event.clipboardData.setData('text/plain', range.cloneContents().textContent ?? '');
  event.preventDefault();
}

/** The laid out text; null for what is not JSON; undefined while a long text is being laid out. */
function useLaidOut(text: string): string | null | undefined {
  const short = useMemo(() => (text.length <= SHORT ? atOnce(laidOut(text)) : undefined), [text]);
  const [long, setLong] = useState<{ of: string; is: string | null }>();
  useEffect(() => {
    if (text.length <= SHORT) return;
    const gone = new AbortController();
    inSlices(laidOut(text), gone.signal).then(
      (is) => setLong({ of: text, is }),
      () => {}, // another text came
    );
    return () => gone.abort();
  }, [text]);
  return text.length <= SHORT ? short : long?.of === text ? long.is : undefined;
}
