import { type CombinedError, useQuery } from 'urql';
import { Link, useSearchParams } from 'wouter';
import { now } from '../api/clock';
import { usePushed } from '../api/useLive';
import { useViewer } from '../frame/viewer';
import {
  HomeDocument,
  type HomeStatsFragment as Stats,
  WatchNumbersDocument,
  type WatchNumbersSubscription,
  WatchTotalsDocument,
} from '../gql/graphql';
import { OpenIssues } from '../issues/OpenIssues';
import { Charts } from '../ui/Charts';
import { Choice } from '../ui/Choice';
import { CopyButton } from '../ui/CopyButton';
import { GraphiqlLink } from '../ui/GraphiqlLink';
import { Problem } from '../ui/Problem';
import { useShortcut } from '../ui/shortcuts';
import { Time } from '../ui/Time';
import { useTitle } from '../ui/title';
import { Visible } from '../ui/Visible';
import { Checklist, isTrying } from './Checklist';
import { FailingTenants } from './FailingTenants';
import { Numbers } from './Numbers';
import {
  bounds,
  type FixedRange,
  fixedBounds,
  fixedRange,
  frozenRange,
  nextRange,
  RANGES,
  type Range,
  rangeOf,
} from './ranges';
import { withBuckets } from './series';

/** An overview of the tenant's deliveries. The range is in the address. */
export function HomeScreen() {
  useTitle('Home');
  const [params, setParams] = useSearchParams();
  const fixed = fixedRange(params.get('from'), params.get('to'));
  const range = rangeOf(params.get('range'));
  const variables = fixed ? fixedBounds(fixed) : bounds(range);
  const { now: stats, before, isNew, error, ended, reload } = useHome(variables);
  const isOperator = useViewer()?.operator ?? false;
  useShortcut('t', 'Next time range', () => setParams({ range: nextRange(range) }));

  return (
    <div className="screen">
      <div className="head">
        <h1>Home</h1>
        <Choice<Range | ''>
          name="Range"
          value={fixed ? '' : range}
          options={RANGES as Record<Range | '', string>}
          onChange={(next) => setParams({ range: next })}
        />
        {fixed && (
          <span>
            <Time at={fixed.from} exact /> to <Time at={fixed.to} exact />
          </span>
        )}
        {stats && !fixed && (
          <span className="soft">
            as of <Time at={stats.asOf} />
          </span>
        )}
        <div className="head-end">
          <CopyButton text={() => linkOf(fixed ?? frozenRange(range, now()))}>Copy link</CopyButton>
          <GraphiqlLink document={HomeDocument} variables={variables} />
        </div>
      </div>
      <Trouble error={error} ended={ended} onAgain={reload} />
      {stats && (
        <>
          <OpenIssues />
          {(isNew || isTrying()) && <Checklist published={stats.totals.events > 0} />}
          <Numbers now={stats.totals} before={before} />
          <Charts buckets={stats.series} backlog={stats.backlog} />
          <Backlog backlog={stats.backlog} />
          <div className="columns">
            <Webhooks stats={stats} />
            <Errors stats={stats} />
            {isOperator && <FailingTenants range={variables.range} />}
          </div>
        </>
      )}
    </div>
  );
}

/** The address of this screen for a fixed range. */
function linkOf({ from, to }: FixedRange): string {
  const url = new URL(location.href);
  url.search = new URLSearchParams({ from, to }).toString();
  return url.href;
}

/** The numbers of the range and of the previous one: read once, and then pushed by the server. */
function useHome({ range, before }: ReturnType<typeof bounds>) {
  const [{ data, error }, ask] = useQuery({ query: HomeDocument, variables: { range, before } });
  const pushed = usePushed(WatchNumbersDocument, { range }, merge);
  const pushedBefore = usePushed(WatchTotalsDocument, { range: before });
  const now = pushed.data?.stats ?? data?.now;
  return {
    now,
    before: pushedBefore.data?.stats.totals ?? data?.before?.totals,
    /** Shown until something was delivered. */
    isNew: now?.totals.succeeded === 0 && data?.delivered?.nodes.length === 0,
    error,
    ended: pushed.ended || pushedBefore.ended,
    reload: () => ask({ requestPolicy: 'network-only' }),
  };
}

function merge(before: WatchNumbersSubscription | null, next: WatchNumbersSubscription) {
  return { ...next, stats: withBuckets(before?.stats, next.stats) };
}

interface TroubleProps {
  error: CombinedError | undefined;
  /** Why the numbers are no longer kept current; "" if they are. */
  ended: string;
  onAgain(): void;
}

function Trouble({ error, ended, onAgain }: TroubleProps) {
  return (
    <>
      <Problem error={error} what="The numbers could not be read" onAgain={onAgain} />
      {ended && (
        <p className="notice" role="status">
          Live updates ended: {ended} Reload the page to continue.
        </p>
      )}
    </>
  );
}

function Backlog({ backlog }: { backlog: Stats['backlog'] }) {
  return (
    <p className="backlog">
      <Link href="/deliveries?q=status%3Apending">
        <b>{backlog.due.toLocaleString()}</b> pending
      </Link>
      {backlog.held > 0 && (
        <Link href="/deliveries?q=status%3Aheld">
          <b>{backlog.held.toLocaleString()}</b> held
        </Link>
      )}
      {backlog.oldestDueAt && (
        <span className="soft">
          the oldest is due <Time at={backlog.oldestDueAt} />
        </span>
      )}
    </p>
  );
}

function Webhooks({ stats }: { stats: Stats }) {
  const failing = stats.webhooks.groups.filter(({ values }) => values.failed > 0);
  return (
    <section>
      <h2>Webhooks that fail</h2>
      {failing.length === 0 && <p className="soft">None of the busiest.</p>}
      <ul className="failures">
        {failing.map(({ key, webhook, values }) => (
          <li key={key}>
            <Link href={`/webhooks/${key}`}>
              <Visible text={webhook?.url ?? key} />
            </Link>
            <div className="soft">
              {values.failed.toLocaleString()} of {values.attempts.toLocaleString()} attempts failed
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Errors({ stats }: { stats: Stats }) {
  return (
    <section>
      <h2>Why attempts fail</h2>
      {stats.errors.groups.length === 0 && <p className="soft">None failed.</p>}
      <ul className="failures">
        {stats.errors.groups.map(({ key, values }) => (
          <li key={key}>
            <Link href={`/deliveries?q=error%3A${key}`}>{key}</Link>{' '}
            <span className="soft">{values.attempts.toLocaleString()} attempts</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
