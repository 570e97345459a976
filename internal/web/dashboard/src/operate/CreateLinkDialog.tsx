import { type FormEvent, useState } from 'react';
import { useMutation } from 'urql';
import { useViewer } from '../frame/viewer';
import { CreatePortalLinkDocument, type PortalAppearance, type TokenScope } from '../gql/graphql';
import { Dialog } from '../ui/Dialog';
import { Field, SelectField } from '../ui/Field';
import { Problem } from '../ui/Problem';
import { SecretDialog } from '../ui/SecretDialog';
import { UserErrors } from '../ui/UserErrors';
import { ScopeFields } from './CreateTokenDialog';

const MINUTE = 60_000;
const LINK_LIVES = {
  [10 * MINUTE]: '10 minutes',
  [60 * MINUTE]: '1 hour',
  [1440 * MINUTE]: '24 hours',
} as Record<string, string>;
const SESSION_LIVES = {
  [15 * MINUTE]: '15 minutes',
  [60 * MINUTE]: '1 hour',
  [480 * MINUTE]: '8 hours',
} as Record<string, string>;
const APPEARANCES: Record<PortalAppearance, string> = {
  AUTO: 'As the customer’s browser prefers',
  LIGHT: 'Light',
  DARK: 'Dark',
};

const FIELDS = ['label', 'scopes', 'startPath', 'expiresInMs', 'sessionExpiresInMs'];

/** Creates a link to the portal of the tenant, and shows it once. */
export function CreateLinkDialog({ onClose }: { onClose(created: boolean): void }) {
  const viewer = useViewer();
  const [label, setLabel] = useState('');
  const [scopes, setScopes] = useState<readonly TokenScope[]>(['WEBHOOKS_READ', 'DELIVERIES_READ']);
  const [startPath, setStartPath] = useState('/');
  const [linkLife, setLinkLife] = useState(String(10 * MINUTE));
  const [sessionLife, setSessionLife] = useState(String(60 * MINUTE));
  const [look, setLook] = useState<Look>({ name: '', accentColor: '', appearance: 'AUTO', logo: '' });
  const [{ data, error, fetching }, create] = useMutation(CreatePortalLinkDocument);
  const payload = data?.createPortalLink;

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    void create({
      input: {
        tenantId: viewer?.tenant.id,
        label: label.trim(),
        scopes: [...scopes],
        startPath: startPath.trim(),
        expiresInMs: Number(linkLife),
        sessionExpiresInMs: Number(sessionLife),
        theme: look,
      },
    });
  }

  const problemOf = (field: string) => payload?.userErrors.find((e) => e.field[1] === field)?.message;

  if (payload?.url) {
    return (
      <SecretDialog title="The link is created" secret={payload.url} onClose={() => onClose(true)}>
        <p>
          <b>It is shown this once, and opens once</b>, within {LINK_LIVES[linkLife]}. Whoever opens it is let
          in: give it to nobody else.
        </p>
      </SecretDialog>
    );
  }
  return (
    <Dialog
      title={`Create a link to the portal of ${viewer?.tenant.name}`}
      onClose={() => onClose(false)}
      wide
    >
      <form onSubmit={onSubmit}>
        <Field
          label="For whom"
          hint="A customer’s ID or email address. The audit log names what the session does by it."
          problem={problemOf('label')}
        >
          {(field) => (
            <input
              {...field}
              name="label"
              required
              autoComplete="off"
              value={label}
              onChange={(event) => setLabel(event.target.value)}
            />
          )}
        </Field>
        <ScopeFields chosen={scopes} except="ADMIN" problem={problemOf('scopes')} onChange={setScopes} />
        <Field
          label="Opens on"
          hint="The path of a screen, such as /deliveries?q=status%3Afailed."
          problem={problemOf('startPath')}
        >
          {(field) => (
            <input
              {...field}
              name="startPath"
              required
              spellCheck={false}
              autoCapitalize="none"
              value={startPath}
              onChange={(event) => setStartPath(event.target.value)}
            />
          )}
        </Field>
        <SelectField
          name="linkLife"
          label="The link can be opened for"
          hint=""
          problem={problemOf('expiresInMs')}
          options={LINK_LIVES}
          value={linkLife}
          onChange={setLinkLife}
        />
        <SelectField
          name="sessionLife"
          label="The session lasts"
          hint="It is renewed while the page is open, for at most 24 hours."
          problem={problemOf('sessionExpiresInMs')}
          options={SESSION_LIVES}
          value={sessionLife}
          onChange={setSessionLife}
        />
        <LookFields look={look} onChange={setLook} />
        <Problem error={error} what="The link could not be created" />
        <UserErrors errors={payload?.userErrors} except={FIELDS} />
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

interface Look {
  name: string;
  accentColor: string;
  appearance: PortalAppearance;
  /** A data URL. */
  logo: string;
}

/** How the portal looks. */
function LookFields({ look, onChange }: { look: Look; onChange(look: Look): void }) {
  function onLogo(file: File | undefined) {
    if (!file) return onChange({ ...look, logo: '' });
    const reader = new FileReader();
    reader.onload = () => onChange({ ...look, logo: String(reader.result) });
    reader.readAsDataURL(file);
  }
  return (
    <details>
      <summary>How it looks</summary>
      <Field label="Name of the platform" hint="" problem={undefined}>
        {(field) => (
          <input
            {...field}
            name="platform"
            autoComplete="off"
            value={look.name}
            onChange={(event) => onChange({ ...look, name: event.target.value })}
          />
        )}
      </Field>
      <Field
        label="Colour of buttons and links"
        hint="Such as #0a7d5c. It is changed where text could not be read otherwise."
        problem={undefined}
      >
        {(field) => (
          <input
            {...field}
            name="accentColor"
            spellCheck={false}
            autoComplete="off"
            value={look.accentColor}
            onChange={(event) => onChange({ ...look, accentColor: event.target.value.trim() })}
          />
        )}
      </Field>
      <Field label="Logo" hint="A PNG, JPEG or WebP image of at most 32 KiB." problem={undefined}>
        {(field) => (
          <input
            {...field}
            name="logo"
            type="file"
            accept="image/png,image/jpeg,image/webp"
            onChange={(event) => onLogo(event.target.files?.[0])}
          />
        )}
      </Field>
      <SelectField<PortalAppearance>
        name="appearance"
        label="Light or dark"
        hint=""
        problem={undefined}
        options={APPEARANCES}
        value={look.appearance}
        onChange={(appearance) => onChange({ ...look, appearance })}
      />
    </details>
  );
}
