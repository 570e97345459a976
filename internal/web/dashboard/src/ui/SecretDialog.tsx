import type { ReactNode } from 'react';
import { CopyButton } from './CopyButton';
import { Dialog } from './Dialog';

interface Props {
  title: string;
  secret: string;
  /** What the secret is for, and where to store it. */
  children: ReactNode;
  onClose(): void;
}

/** Shows a secret, which cannot be shown again. */
export function SecretDialog({ title, secret, children, onClose }: Props) {
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      <p className="secret">
        <code>{secret}</code> <CopyButton text={secret}>Copy</CopyButton>
      </p>
      <div className="actions">
        <button type="button" className="primary" onClick={onClose}>
          I have kept the secret
        </button>
      </div>
    </Dialog>
  );
}
