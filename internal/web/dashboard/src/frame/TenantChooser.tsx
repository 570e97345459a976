import { useId, useState } from 'react';
import { useQuery } from 'urql';
import { TenantsDocument } from '../gql/graphql';
import { Problem } from '../ui/Problem';
import { useSession } from './Session';

/** Lets an operator act for another tenant. */
export function TenantChooser({ current }: { current: string }) {
  const id = useId();
  const { actFor } = useSession();
  const [name, setName] = useState('');
  const [open, setOpen] = useState(false);
  const [{ data, error }] = useQuery({
    query: TenantsDocument,
    variables: { name: name || null },
    pause: !open,
  });
  const tenants = data?.tenants?.nodes;

  return (
    <>
      <button type="button" className="quiet tenant" popoverTarget={id}>
        <span className="soft">Tenant</span> {current}
      </button>
      <div
        id={id}
        popover="auto"
        className="menu"
        onToggle={(event) => setOpen((event as unknown as ToggleEvent).newState === 'open')}
      >
        <label>
          Find a tenant
          <input value={name} onChange={(event) => setName(event.target.value)} spellCheck={false} />
        </label>
        <ul>
          {tenants?.map((tenant) => (
            <li key={tenant.id}>
              <button
                type="button"
                popoverTarget={id}
                popoverTargetAction="hide"
                aria-current={tenant.name === current}
                onClick={() => actFor(tenant.name)}
              >
                {tenant.name}
              </button>
            </li>
          ))}
        </ul>
        <Problem error={error} what="The tenants could not be read" />
        {open && tenants?.length === 0 && <p className="soft">No tenant has this in its name.</p>}
      </div>
    </>
  );
}
