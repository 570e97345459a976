import { useMemo } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { useScope } from '../frame/viewer';
import { type ReplayRowFragment as Replay, ReplayWebhooksDocument } from '../gql/graphql';
import { Time } from '../ui/Time';
import { Visible } from '../ui/Visible';
import { type Condition, conditionsOf, listOf } from './conditions';

const MAX_VALUES = 10;

const EVERYTHING: Record<Replay['kind'], string> = {
  FAILED: 'All deliveries that had failed: it was created without a filter.',
  ALL: 'All deliveries that were completed: it was created without a filter.',
  MISSING: 'All events that the webhook never had.',
  CANCEL: 'All deliveries that waited: it was created without a filter.',
};

/** What a replay was created for, in words, with the list of what matches now. */
export function Conditions({ kind, exact }: { kind: Replay['kind']; exact: string }) {
  const conditions = useMemo(() => conditionsOf(kind, exact), [kind, exact]);
  const urls = useUrls(conditions);
  const list = listOf(kind, conditions);
  return (
    <section className="conditions" aria-labelledby="conditions">
      <h2 id="conditions">What it is about</h2>
      {conditions.length === 0 && <p>{EVERYTHING[kind]}</p>}
      <dl className="facts">
        {conditions.map((one) => (
          <div key={one.name}>
            <dt>{one.name}</dt>
            {one.values.slice(0, MAX_VALUES).map(({ text, href }) => (
              <dd key={text}>
                {href ? (
                  <Link href={href}>
                    <Visible text={urls.get(text) ?? text} />
                  </Link>
                ) : (
                  <Visible text={text} />
                )}
              </dd>
            ))}
            {one.values.length > MAX_VALUES && <dd>and {one.values.length - MAX_VALUES} others</dd>}
            {one.range && <During range={one.range} />}
          </div>
        ))}
      </dl>
      {list && (
        <p>
          <Link href={list.href}>See what matches now</Link>
          {list.without.length > 0 && (
            <span className="soft"> · the list has no word for: {list.without.join(', ')}</span>
          )}
        </p>
      )}
    </section>
  );
}

function During({ range }: { range: NonNullable<Condition['range']> }) {
  return (
    <>
      {range.from && (
        <dd>
          from <Time at={range.from} exact />
        </dd>
      )}
      {range.to && (
        <dd>
          before <Time at={range.to} exact />
        </dd>
      )}
    </>
  );
}

/** The URLs of the webhooks among the values, by ID. */
function useUrls(conditions: readonly Condition[]): Map<string, string> {
  const mayRead = useScope('WEBHOOKS_READ');
  const values = conditions.find(({ name }) => name === 'Webhook')?.values ?? [];
  const ids = values.slice(0, MAX_VALUES).map(({ text }) => text);
  const [{ data }] = useQuery({
    query: ReplayWebhooksDocument,
    variables: { ids },
    pause: !mayRead || ids.length === 0,
  });
  const found = data?.nodes ?? [];
  return new Map(found.flatMap((one) => (one?.__typename === 'Webhook' ? [[one.id, one.url]] : [])));
}
