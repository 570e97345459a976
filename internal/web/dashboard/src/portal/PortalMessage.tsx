import { useTitle } from '../ui/title';
import type { Refusal } from './session';

const TEXTS: Record<Refusal, { title: string; text: string }> = {
  'no-link': {
    title: 'Open this page from your account',
    text: 'This page needs a link, which the platform that sends you webhooks makes for you.',
  },
  'refused-link': {
    title: 'This link does not work any more',
    text: 'A link opens this page once, and only for a short time. This one was used, has expired or was revoked.',
  },
  ended: {
    title: 'Your session has ended',
    text: 'Its time was over, or it was ended by the platform that sends you webhooks. What you have saved stays saved.',
  },
  left: { title: 'You have left', text: 'Your session was ended.' },
  busy: {
    title: 'Too many tries',
    text: 'Too many links were tried from your network. Wait a minute, and try again.',
  },
  offline: {
    title: 'The server could not be reached',
    text: 'No answer arrived, so your link may have been used already. Try again in a moment. If the link does not work any more then, open this page from your account again: that makes a new one.',
  },
};

interface Props {
  why: Refusal;
  /** Tries the same again, where that may help. */
  onAgain?: (() => void) | undefined;
}

/** What is shown instead of the portal, and what to do about it. */
export function PortalMessage({ why, onAgain }: Props) {
  const { title, text } = TEXTS[why];
  useTitle(title);
  return (
    <main className="screen portal-message">
      <h1>{title}</h1>
      <p>{text}</p>
      {onAgain ? (
        <button type="button" className="primary" onClick={onAgain}>
          Try again
        </button>
      ) : (
        <p>Go back to where you opened this page from, and open it again: that makes a new link.</p>
      )}
    </main>
  );
}
