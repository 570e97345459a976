import { SecretDialog } from '../ui/SecretDialog';

interface Props {
  title: string;
  secret: string;
  onClose(): void;
}

/** A signing secret, which cannot be shown again. */
export function SigningSecret(props: Props) {
  return (
    <SecretDialog {...props}>
      <p>
        This is its signing secret. <b>It is shown this once:</b> keep it where the receiver finds it. With it
        the receiver verifies that requests come from here.
      </p>
    </SecretDialog>
  );
}
