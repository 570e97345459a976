import { useState } from 'react';
import { useMutation } from 'urql';
import { failureOf } from '../api/failure';
import { CancelDeliveryDocument, RetryDeliveryDocument } from '../gql/graphql';
import type { Row } from './feed';

/** Retries and cancels deliveries, one after the other, and reports the results. changed gets the new state of each. */
export function useActions(changed: (row: Row) => void) {
  const [, retryOne] = useMutation(RetryDeliveryDocument);
  const [, cancelOne] = useMutation(CancelDeliveryDocument);
  const [report, setReport] = useState('');

  async function each(
    ids: readonly string[],
    verb: string,
    run: (id: string) => Promise<{ row: Row | null; problem: string }>,
  ) {
    if (ids.length === 0) return;
    let done = 0;
    const problems = new Set<string>();
    for (const id of ids) {
      if (ids.length > 1) setReport(`${verb} ${done + 1} of ${ids.length}…`);
      const { row, problem } = await run(id);
      if (problem) problems.add(problem);
      if (!row) continue;
      done++;
      changed(row);
    }
    setReport([`${verb} ${done} of ${ids.length}.`, ...problems].join(' '));
    setTimeout(() => setReport(''), problems.size > 0 ? 15_000 : 4000);
  }

  return {
    report,
    retry: (ids: readonly string[]) =>
      each(ids, 'Retried', async (id) => {
        const { data, error } = await retryOne({ id });
        return result(data?.retryDelivery, failureOf(error)?.message);
      }),
    cancel: (ids: readonly string[]) =>
      each(ids, 'Canceled', async (id) => {
        const { data, error } = await cancelOne({ id });
        return result(data?.cancelDelivery, failureOf(error)?.message);
      }),
  };
}

interface Payload {
  delivery?: Row | null;
  userErrors: readonly { message: string }[];
}

function result(payload: Payload | null | undefined, failure: string | undefined) {
  return { row: payload?.delivery ?? null, problem: failure ?? payload?.userErrors[0]?.message ?? '' };
}
