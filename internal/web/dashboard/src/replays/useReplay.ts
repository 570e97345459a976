import { useQuery } from 'urql';
import { EXACT } from '../api/exact';
import { usePushed } from '../api/useLive';
import { ReplayDocument, type ReplayRowFragment, WatchReplayDocument } from '../gql/graphql';

const OPTIONS = { query: ReplayDocument, context: EXACT };

/** A replay, and its filter as JSON; its progress is pushed until it has ended. */
export function useReplay(id: string) {
  const [{ data, error, fetching }, ask] = useQuery({ ...OPTIONS, variables: { id } });
  const { data: pushed } = usePushed(WatchReplayDocument, { id });
  const own = data?.replay?.id === id ? data.replay : null;
  return {
    replay: later(own, pushed?.replayProgress ?? null),
    filter: typeof own?.exactFilter === 'string' ? own.exactFilter : null,
    error,
    missing: !fetching && !error && data?.replay === null,
    reload: () => ask({ requestPolicy: 'network-only' }),
  };
}

/** The later state of the two: the stream ends with the replay, but the results of its deliveries may change afterwards. */
function later(asked: ReplayRowFragment | null, pushed: ReplayRowFragment | null) {
  if (!asked || !pushed) return asked ?? pushed;
  return asked.completedAt && asked.succeeded + asked.failed >= pushed.succeeded + pushed.failed
    ? asked
    : pushed;
}
