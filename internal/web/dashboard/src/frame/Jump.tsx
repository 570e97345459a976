import { type FormEvent, useId, useState } from 'react';
import { useClient } from 'urql';
import { useLocation } from 'wouter';
import { failureOf } from '../api/failure';
import { JumpDocument, type JumpQuery, JumpToOtherDocument } from '../gql/graphql';
import { Dialog } from '../ui/Dialog';
import { Visible } from '../ui/Visible';
import { type Action, useActions } from './actions';
import { useSession } from './Session';

type Hit = NonNullable<JumpQuery['search']>[number];

/** The maximum number of screens and actions offered. */
const MAX_ACTIONS = 8;

const ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;

/** Goes to the object with an ID, a key, a tag or a URL, such as one pasted from a log. */
export function Jump({ onClose }: { onClose(): void }) {
  const field = useId();
  const [text, setText] = useState('');
  const actions = useActions(text);
  const { hits, problem, search, choose, forget } = useSearch(onClose);

  function act({ run }: Action) {
    onClose();
    run();
  }

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    const wanted = ID.exec(text)?.[0] ?? text.trim();
    if (!wanted) return;
    const named = actions.find(({ name }) => name.toLowerCase().startsWith(wanted.toLowerCase()));
    if (named) act(named);
    else void search(wanted);
  }

  return (
    <Dialog title="Go to or do" onClose={onClose}>
      <form onSubmit={onSubmit}>
        <label htmlFor={field}>
          An ID or its beginning, a key, a tag, a part of a webhook’s URL, a screen or an action
        </label>
        <input
          id={field}
          name="jump"
          value={text}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => {
            setText(event.target.value);
            forget();
          }}
          aria-describedby={`${field}-problem`}
        />
        <p id={`${field}-problem`} role="alert" className="alert" hidden={problem === ''}>
          {problem}
        </p>
        {hits.length === 0 && actions.length > 0 && (
          <ul className="hits" aria-label="Screens and actions">
            {actions.slice(0, MAX_ACTIONS).map((action) => (
              <li key={action.name}>
                <button type="button" onClick={() => act(action)}>
                  {action.name}
                </button>
              </li>
            ))}
          </ul>
        )}
        {hits.length > 0 && <Hits hits={hits} onChoose={choose} />}
        <div className="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="primary">
            Go
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Hits({ hits, onChoose }: { hits: readonly Hit[]; onChoose(hit: Hit): void }) {
  return (
    <ul className="hits" aria-label="Found">
      {hits.map((hit) => (
        <li key={keyOf(hit)}>
          <button type="button" onClick={() => onChoose(hit)}>
            <span className="soft">{hit.__typename}</span> <Visible text={nameOf(hit)} />
          </button>
        </li>
      ))}
    </ul>
  );
}

/** Finds the objects for a text, and goes to the only one. found is called after the navigation. */
function useSearch(found: () => void) {
  const client = useClient();
  const { actFor } = useSession();
  const [, navigate] = useLocation();
  const [hits, setHits] = useState<Hit[]>([]);
  const [problem, setProblem] = useState('');

  function choose(hit: Hit) {
    const path = pathOf(hit);
    if (hit.__typename === 'Tenant') actFor(hit.name);
    else if (path) navigate(path);
    else return;
    found();
  }

  async function search(wanted: string) {
    const { data, error } = await client.query(JumpDocument, { text: wanted }).toPromise();
    const failure = failureOf(error);
    if (failure) return setProblem(failure.message);
    const all = (data?.search ?? []).filter((hit) => hit.__typename === 'Tenant' || pathOf(hit));
    const only = all[0];
    if (only && all.length === 1) return choose(only);
    if (all.length > 0) return setHits(all);
    // Attempts and replays are not searched.
    if (ID.test(wanted)) {
      const { data } = await client.query(JumpToOtherDocument, { id: wanted }).toPromise();
      const { attempt, replay } = data ?? {};
      if (attempt?.delivery) navigate(`/deliveries/${attempt.delivery.id}?attempt=${attempt.id}`);
      else if (replay) navigate(`/replays/${replay.id}`);
      if (attempt?.delivery || replay) return found();
      return setProblem('Nothing of this is there for this token and tenant.');
    }
    setProblem(
      'Nothing of this was found for this token and tenant. Of URLs, and of tags of all tenants, only the newest are searched here: the lists search all of them.',
    );
  }

  return {
    hits,
    problem,
    search,
    choose,
    forget() {
      setProblem('');
      setHits([]);
    },
  };
}

function keyOf(hit: Hit): string {
  return 'id' in hit ? hit.id : hit.__typename;
}

function nameOf(hit: Hit): string {
  switch (hit.__typename) {
    case 'Webhook':
      return hit.url;
    case 'Event':
      return `${hit.type} of ${hit.createdAt}`;
    case 'Delivery':
      return `${hit.status.toLowerCase()}, to ${hit.webhookUrl}, of ${hit.createdAt}`;
    case 'Tenant':
      return hit.name;
    default:
      return '';
  }
}

/** The screen that shows the object; null if there is none. */
function pathOf(hit: Hit): string | null {
  switch (hit.__typename) {
    case 'Delivery':
      return `/deliveries/${hit.id}`;
    case 'Event':
      return `/events/${hit.id}`;
    case 'Webhook':
      return `/webhooks/${hit.id}`;
    default:
      return null;
  }
}
