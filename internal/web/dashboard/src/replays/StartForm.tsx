import { type FormEvent, useMemo, useState } from 'react';
import { useMutation } from 'urql';
import { useLocation } from 'wouter';
import { CancelDialog } from '../deliveries/CancelDialog';
import { useScope } from '../frame/viewer';
import {
  CancelDeliveriesDocument,
  ReplayDeliveriesDocument,
  type ReplayInput,
  type ReplayPreviewQuery,
} from '../gql/graphql';
import { Field } from '../ui/Field';
import { Problem } from '../ui/Problem';
import { UserErrors } from '../ui/UserErrors';
import { newKey, problemOf } from './replays';

type Input = Pick<ReplayInput, 'kind' | 'filter'>;

interface Props {
  input: Input;
  /** undefined if the text is not a rate. */
  rate: number | null | undefined;
  preview: NonNullable<ReplayPreviewQuery['replayPreview']>;
  note: string;
  onNote(note: string): void;
}

/** Starts a replay with a note. Canceling asks for confirmation, because canceled deliveries are not sent. */
export function StartForm({ input, rate, preview, note, onNote }: Props) {
  const mayWrite = useScope('DELIVERIES_WRITE');
  const [, navigate] = useLocation();
  const [asking, setAsking] = useState(false);
  const isCancel = input.kind === 'CANCEL';
  // A form starts only one replay, even if responses are lost.
  const idempotencyKey = useMemo(newKey, [input, rate, note]);
  const { payload, error, fetching, start } = useStart();
  if (!mayWrite) return <p className="note">This requires the scope DELIVERIES_WRITE.</p>;
  const { count, precision } = preview.deliveries;
  const isMore = precision === 'AT_LEAST';

  async function run() {
    if (rate === undefined) return;
    const id = await start(input, rate, { note: note.trim(), idempotencyKey });
    if (id) navigate(`/replays/${id}`);
  }

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    if (isCancel) setAsking(true);
    else void run();
  }

  return (
    <form onSubmit={onSubmit}>
      <Field label="Note" hint="Why, for others." problem={undefined}>
        {(field) => (
          <input
            {...field}
            name="note"
            maxLength={200}
            value={note}
            onChange={(event) => onNote(event.target.value)}
          />
        )}
      </Field>
      <Problem
        error={error}
        what={isCancel ? 'The deliveries could not be canceled' : 'The replay could not be started'}
      />
      <UserErrors errors={payload?.userErrors.map(problemOf)} />
      <div className="actions start">
        <button
          type="submit"
          className={isCancel ? 'danger' : 'primary'}
          disabled={fetching || rate === undefined || preview.userErrors.length > 0}
        >
          {labelOf(input, `${isMore ? 'at least ' : ''}${count.toLocaleString()}`, count)}
        </button>
      </div>
      {asking && (
        <CancelDialog
          count={count}
          isMore={isMore}
          onClose={() => setAsking(false)}
          onConfirm={() => void run()}
        />
      )}
    </form>
  );
}

function labelOf({ kind }: Input, many: string, count: number): string {
  const what = `${many} ${count === 1 ? 'delivery' : 'deliveries'}`;
  if (kind === 'CANCEL') return `Cancel ${what}…`;
  return kind === 'MISSING' ? `Send ${what}` : `Send ${what} again`;
}

/** Starts a replay, or the cancellation of deliveries; start returns its ID, or null if there is none. */
function useStart() {
  const [replayed, replay] = useMutation(ReplayDeliveriesDocument);
  const [canceled, cancel] = useMutation(CancelDeliveriesDocument);
  return {
    payload: replayed.data?.replayDeliveries ?? canceled.data?.cancelDeliveries,
    error: replayed.error ?? canceled.error,
    fetching: replayed.fetching || canceled.fetching,
    async start(input: Input, ratePerSecond: number | null, rest: { note: string; idempotencyKey: string }) {
      if (input.kind === 'CANCEL') {
        const { data } = await cancel({ input: { filter: input.filter, ...rest } });
        return data?.cancelDeliveries?.replay?.id ?? null;
      }
      const { data } = await replay({ input: { ...input, ratePerSecond, ...rest } });
      return data?.replayDeliveries?.replay?.id ?? null;
    },
  };
}
