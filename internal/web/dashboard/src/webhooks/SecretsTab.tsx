import { type FormEvent, useState } from 'react';
import { useMutation } from 'urql';
import { RotateWebhookSecretDocument } from '../gql/graphql';
import { CopyButton } from '../ui/CopyButton';
import { Dialog } from '../ui/Dialog';
import { Problem } from '../ui/Problem';
import { Time } from '../ui/Time';
import { UserErrors } from '../ui/UserErrors';
import { SigningSecret } from './SigningSecret';
import type { Webhook } from './WebhookScreen';

const HOUR = 3_600_000;
const OVERLAPS = {
  0: 'at once',
  [HOUR]: 'after 1 hour',
  [24 * HOUR]: 'after 24 hours',
  [168 * HOUR]: 'after 7 days',
};

/** The signing secrets, and their rotation. */
export function SecretsTab({ webhook, onChanged }: { webhook: Webhook; onChanged(): void }) {
  const [rotating, setRotating] = useState(false);
  return (
    <>
      <p>
        Each request is signed with every secret here. The receiver accepts it if one signature is right, so
        that it can switch to a new secret while the old one still signs.
      </p>
      <ul className="secrets">
        {webhook.secrets.map((secret, i) => (
          <li key={secret.id}>
            <b>{i === 0 ? 'Current' : 'Old'}</b> {secret.scheme === 'ED25519' ? 'Ed25519' : 'HMAC-SHA256'},
            created <Time at={secret.createdAt} />
            {secret.expiresAt && (
              <>
                , stops signing <Time at={secret.expiresAt} future />
              </>
            )}
            {secret.publicKey && <CopyButton text={secret.publicKey}>Copy public key</CopyButton>}
          </li>
        ))}
      </ul>
      <button type="button" className="primary" onClick={() => setRotating(true)}>
        Rotate the secret…
      </button>
      {rotating && (
        <RotateDialog
          id={webhook.id}
          onClose={() => {
            setRotating(false);
            onChanged();
          }}
        />
      )}
    </>
  );
}

function RotateDialog({ id, onClose }: { id: string; onClose(): void }) {
  const [overlap, setOverlap] = useState(24 * HOUR);
  const [{ data, error, fetching }, rotate] = useMutation(RotateWebhookSecretDocument);
  const payload = data?.rotateWebhookSecret;

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    void rotate({ input: { id, overlapMs: overlap } });
  }

  if (payload?.secret) {
    return <SigningSecret title="The new secret" secret={payload.secret} onClose={onClose} />;
  }
  return (
    <Dialog title="Rotate the secret" onClose={onClose}>
      <form onSubmit={onSubmit}>
        <p>A new secret signs from now on. Until the receiver has it, the old one should sign too.</p>
        <label>
          The old secret stops signing{' '}
          <select value={overlap} onChange={(event) => setOverlap(Number(event.target.value))}>
            {Object.entries(OVERLAPS).map(([ms, name]) => (
              <option key={ms} value={ms}>
                {name}
              </option>
            ))}
          </select>
        </label>
        {overlap === 0 && (
          <p className="note">Requests will not verify until the receiver has the new secret.</p>
        )}
        <Problem error={error} what="The secret could not be rotated" />
        <UserErrors errors={payload?.userErrors} />
        <div className="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="primary" disabled={fetching}>
            Rotate
          </button>
        </div>
      </form>
    </Dialog>
  );
}
