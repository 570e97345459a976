import { type FormEvent, useState } from 'react';
import { useMutation } from 'urql';
import { now } from '../api/clock';
import { useViewer } from '../frame/viewer';
import { CreateTokenDocument, type TokenScope } from '../gql/graphql';
import { Choice } from '../ui/Choice';
import { Dialog } from '../ui/Dialog';
import { Field } from '../ui/Field';
import { Problem } from '../ui/Problem';
import { SecretDialog } from '../ui/SecretDialog';
import { UserErrors } from '../ui/UserErrors';
import { SCOPES } from './tokens';

const DAY = 24 * 3_600_000;
const EXPIRIES = {
  [DAY]: 'after 1 day',
  [7 * DAY]: 'after 7 days',
  [30 * DAY]: 'after 30 days',
  [90 * DAY]: 'after 90 days',
  [365 * DAY]: 'after 365 days',
  0: 'never',
};

type Owner = 'tenant' | 'operator';

interface DialogProps {
  /** Whether the token can only belong to the tenant. */
  isOwn: boolean;
  onClose(created: boolean): void;
}

/** Creates a token, and shows its credential once. */
export function CreateTokenDialog({ isOwn, onClose }: DialogProps) {
  const viewer = useViewer();
  const [name, setName] = useState('');
  const [owner, setOwner] = useState<Owner>('tenant');
  const [scopes, setScopes] = useState<readonly TokenScope[]>([]);
  const [lacksScope, setLacksScope] = useState(false);
  const [expiry, setExpiry] = useState(90 * DAY);
  const [{ data, error, fetching }, create] = useMutation(CreateTokenDocument);
  const payload = data?.createToken;

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    setLacksScope(scopes.length === 0);
    if (scopes.length === 0) return;
    void create({
      input: {
        name: name.trim(),
        scopes: [...scopes],
        operator: owner === 'operator',
        tenantId: owner === 'tenant' ? viewer?.tenant.id : null,
        expiresAt: expiry ? new Date(now() + expiry).toISOString() : null,
      },
    });
  }

  const problemOf = (field: string) => payload?.userErrors.find((e) => e.field[1] === field)?.message;

  if (payload?.credential) {
    return (
      <SecretDialog title="The token is created" secret={payload.credential} onClose={() => onClose(true)}>
        <p>
          This is the token’s credential. <b>It is shown this once:</b> keep it where the program that uses it
          finds it. It is sent as <code>Authorization: Bearer …</code>.
        </p>
      </SecretDialog>
    );
  }
  return (
    <Dialog title="Create a token" onClose={() => onClose(false)}>
      <form onSubmit={onSubmit}>
        <Field label="Name" hint="What it is for." problem={problemOf('name')}>
          {(field) => (
            <input
              {...field}
              name="name"
              required
              autoComplete="off"
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        {!isOwn && <OwnerField owner={owner} onChange={setOwner} />}
        <ScopeFields
          chosen={scopes}
          problem={lacksScope ? 'Choose at least one scope.' : problemOf('scopes')}
          onChange={(chosen) => {
            setScopes(chosen);
            setLacksScope(false);
          }}
        />
        <ExpiryField expiry={expiry} problem={problemOf('expiresAt')} onChange={setExpiry} />
        <Problem error={error} what="The token could not be created" />
        <UserErrors errors={payload?.userErrors} except={['name', 'scopes', 'expiresAt']} />
        <div className="actions">
          <button type="button" onClick={() => onClose(false)}>
            Cancel
          </button>
          <button type="submit" className="primary" disabled={fetching}>
            Create
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** The owner of the token, which only operators choose. */
function OwnerField({ owner, onChange }: { owner: Owner; onChange(owner: Owner): void }) {
  const viewer = useViewer();
  if (!viewer?.operator) return null;
  return (
    <>
      <Choice<Owner>
        name="Belongs to"
        value={owner}
        options={{ tenant: `Tenant ${viewer.tenant.name}`, operator: 'An operator' }}
        onChange={onChange}
      />
      <p className="soft">
        {owner === 'tenant'
          ? 'For another tenant, choose it at the top of the page first.'
          : 'It reaches every tenant.'}
      </p>
    </>
  );
}

interface ExpiryProps {
  /** The lifetime in milliseconds; 0 for no expiry. */
  expiry: number;
  problem: string | undefined;
  onChange(expiry: number): void;
}

function ExpiryField({ expiry, problem, onChange }: ExpiryProps) {
  return (
    <Field label="Expires" problem={problem}>
      {(field) => (
        <select
          {...field}
          name="expiry"
          value={expiry}
          onChange={(event) => onChange(Number(event.target.value))}
        >
          {Object.entries(EXPIRIES).map(([ms, text]) => (
            <option key={ms} value={ms}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface ScopeProps {
  chosen: readonly TokenScope[];
  /** One that is not offered. */
  except?: TokenScope;
  problem: string | undefined;
  onChange(scopes: readonly TokenScope[]): void;
}

/** The scopes that the caller may pass on: a token cannot have one that its creator does not have. */
export function ScopeFields({ chosen, except, problem, onChange }: ScopeProps) {
  const own = useViewer()?.token.scopes ?? [];
  return (
    <fieldset className="scopes">
      <legend>Scopes</legend>
      {(Object.keys(SCOPES) as TokenScope[])
        .filter((scope) => own.includes(scope) && scope !== except)
        .map((scope) => (
          <label className="check" key={scope}>
            <input
              type="checkbox"
              name={scope}
              checked={chosen.includes(scope)}
              onChange={(event) =>
                onChange(
                  event.target.checked ? [...chosen, scope] : chosen.filter((other) => other !== scope),
                )
              }
            />
            <span>
              <code>{scope}</code> <small>{SCOPES[scope]}</small>
            </span>
          </label>
        ))}
      {problem && (
        <p className="wrong" role="alert">
          {problem}
        </p>
      )}
    </fieldset>
  );
}
