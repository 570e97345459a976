import { useMemo, useState } from 'react';
import { auditLogChanges } from '../api/changes';
import { compact } from '../filter/words';
import { useSession } from '../frame/Session';
import { useScope, useViewer } from '../frame/viewer';
import { type TokenFilter, TokensDocument } from '../gql/graphql';
import { useAddress } from '../ui/address';
import { Choice, optionOf } from '../ui/Choice';
import { Head } from '../ui/Head';
import { ListFoot } from '../ui/ListFoot';
import { LiveTable } from '../ui/LiveTable';
import { Problem } from '../ui/Problem';
import { ScrollTable } from '../ui/ScrollTable';
import { useShortcut } from '../ui/shortcuts';
import { Time, useNow } from '../ui/Time';
import { useTitle } from '../ui/title';
import { usePages } from '../ui/usePages';
import { Visible } from '../ui/Visible';
import { CreateTokenDialog } from './CreateTokenDialog';
import { RevokeDialog } from './RevokeDialog';
import { stateOf, type Token } from './tokens';

const STATES = { '': 'All', valid: 'Valid', ended: 'Revoked or expired' } as const;
const OWNERS = { '': 'Everybody', tenant: 'This tenant', operators: 'Operators' } as const;
const COLUMNS = ['Name', 'State', 'Belongs to', 'Scopes', 'Created', 'Last used', 'Expires', 'Revoke'];

interface Props {
  /** Whether to show the tokens of the tenant only, to operators too. */
  isOwn?: boolean;
}

/** The tokens, newest first, and the ways to create and revoke one. The filter is in the address. */
export function TokensTab({ isOwn = false }: Props) {
  useTitle('Tokens');
  const [params, set] = useAddress();
  const viewer = useViewer();
  const mayCreate = useScope('ADMIN');
  const state = optionOf(STATES, params.get('state'));
  const mayChoose = viewer?.operator === true && !isOwn;
  const owner = mayChoose ? optionOf(OWNERS, params.get('of')) : 'tenant';
  const variables = {
    filter: filterOf(state, owner),
    allTenants: mayChoose && owner !== 'tenant',
  };
  const { api } = useSession();
  const watch = useMemo(() => auditLogChanges(api, variables.allTenants), [api, variables.allTenants]);
  const list = usePages(TokensDocument, variables, (data) => data.tokens, { watch });
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<Token | null>(null);
  useShortcut('n', 'Create a token', () => mayCreate && setCreating(true));

  return (
    <>
      <Head
        title="Tokens"
        document={TokensDocument}
        variables={variables}
        action={mayCreate && { name: 'Create a token', run: () => setCreating(true) }}
      />
      <search className="filter">
        <Choice name="State" value={state} options={STATES} onChange={(state) => set({ state }, true)} />
        {mayChoose && (
          <Choice name="Belongs to" value={owner} options={OWNERS} onChange={(of) => set({ of }, true)} />
        )}
      </search>
      <Problem error={list.error} what="The tokens could not be read" onAgain={list.reload} />
      {list.rows && list.rows.length > 0 && (
        <LiveTable list={list}>
          <ScrollTable label="Tokens, newest first" columns={COLUMNS}>
            {list.rows.map((token) => (
              <TokenRow key={token.id} token={token} onRevoke={() => setRevoking(token)} />
            ))}
          </ScrollTable>
        </LiveTable>
      )}
      <ListFoot noun="tokens" empty="No token matches." list={list} />
      {creating && (
        <CreateTokenDialog
          isOwn={isOwn}
          onClose={(created) => {
            setCreating(false);
            if (created) list.reload();
          }}
        />
      )}
      {revoking && (
        <RevokeDialog
          token={revoking}
          onClose={(revoked) => {
            setRevoking(null);
            if (revoked) list.reload();
          }}
        />
      )}
    </>
  );
}

function filterOf(state: keyof typeof STATES, owner: keyof typeof OWNERS): TokenFilter | null {
  return compact({
    valid: state ? state === 'valid' : undefined,
    operator: owner === 'operators' ? true : undefined,
  });
}

function TokenRow({ token, onRevoke }: { token: Token; onRevoke(): void }) {
  const viewer = useViewer();
  const state = stateOf(token, useNow(token.expiresAt));
  return (
    <tr>
      <td className="name">
        <Visible text={token.name} />
        <div className="soft">
          {token.prefix && <code>{token.prefix}…</code>}
          {token.id === viewer?.token.id && ' used by this page'}
        </div>
      </td>
      <td>
        {state === 'valid' ? (
          <span className="status" data-status="SUCCEEDED">
            <span aria-hidden="true">✓</span> Valid
          </span>
        ) : (
          <span className="status" data-status="CANCELED">
            <span aria-hidden="true">–</span> {state === 'revoked' ? 'Revoked' : 'Expired'}
          </span>
        )}
        {token.revokedAt && (
          <div className="soft">
            <Time at={token.revokedAt} />
          </div>
        )}
      </td>
      <td>{token.tenant?.name ?? 'an operator'}</td>
      <td className="types">
        <code>{token.scopes.join(' ')}</code>
      </td>
      <td>
        <Time at={token.createdAt} />
      </td>
      <td>{token.lastUsedAt ? <Time at={token.lastUsedAt} /> : 'never'}</td>
      <td>{token.expiresAt ? <Time at={token.expiresAt} future /> : 'never'}</td>
      <td>
        {state === 'valid' && (
          <button type="button" className="danger" aria-label={`Revoke ${token.name}`} onClick={onRevoke}>
            Revoke…
          </button>
        )}
      </td>
    </tr>
  );
}
