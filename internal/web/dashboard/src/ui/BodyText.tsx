import { useEffect, useState } from 'react';
import { chunks } from './chunks';
import { Visible } from './Visible';

/**
 * Text of any length. Long texts are added chunk by chunk, and the browser lays out what is in sight; its search finds what is out of sight, too.
 */
export function BodyText({ text }: { text: string }) {
  const [parts, setParts] = useState(() => chunks(text));
  const [count, setCount] = useState(1);
  const [before, setBefore] = useState(text);
  if (text !== before) {
    setBefore(text);
    setParts(chunks(text));
    setCount(1);
  }
  useEffect(() => {
    if (count >= parts.length) return;
    const timer = setTimeout(() => setCount(count + 1));
    return () => clearTimeout(timer);
  }, [count, parts]);
  if (parts.length === 1) return <Visible text={text} />;
  return parts.slice(0, count).map((part, i) => (
    <span key={i} className="chunk">
      <Visible text={part} />
    </span>
  ));
}
