import { type FormEvent, useMemo, useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { useLocation } from 'wouter';
import { KEYS } from '../deliveries/filter';
import { FilterBar } from '../filter/FilterBar';
import { frozen, parse } from '../filter/words';
import { useScope } from '../frame/viewer';
import { ReplayDeliveriesDocument, ReplayPreviewDocument, type ReplayPreviewQuery } from '../gql/graphql';
import { useAddress } from '../ui/address';
import { Choice, optionOf } from '../ui/Choice';
import { Field, NumberField } from '../ui/Field';
import { Head } from '../ui/Head';
import { Problem } from '../ui/Problem';
import { useTitle } from '../ui/title';
import { UserErrors } from '../ui/UserErrors';
import { PreviewResult } from './PreviewResult';
import { inputOf, KINDS, type KindOption, newKey, rateOf } from './replays';

type Preview = NonNullable<ReplayPreviewQuery['replayPreview']>;

/** Sends deliveries again, and shows before which. What, which and how fast are in the address. */
export function NewReplayScreen() {
  useTitle('Send again');
  const [params, set] = useAddress();
  const text = params.get('q') ?? '';
  const kind: KindOption = optionOf(KINDS, params.get('kind')) || 'failed';
  const rateText = params.get('rate') ?? '';
  const rate = rateOf(rateText);
  const filter = useMemo(() => parse(text, KEYS), [text]);
  // Times do not move from the preview on: what is sent is what was shown.
  const input = useMemo(() => inputOf(kind, frozen(filter.terms, Date.now())), [kind, filter]);
  const isReadable = filter.problems.length === 0;
  const [{ data, error, fetching }, ask] = useQuery({
    query: ReplayPreviewDocument,
    variables: { input },
    pause: !isReadable,
  });
  const preview = isReadable && !fetching ? data?.replayPreview : null;

  return (
    <div className="screen">
      <Head title="Send again" document={ReplayPreviewDocument} variables={{ input }} />
      <Choice<KindOption>
        name="What"
        value={kind}
        options={KINDS}
        onChange={(kind) => set({ kind: kind === 'failed' ? null : kind }, true)}
      />
      <FilterBar
        text={text}
        filter={filter}
        keys={KEYS}
        placeholder="webhook:019db8a2-… type:order.* since:2h"
        onChange={(q) => set({ q }, true)}
      />
      <NumberField
        name="rate"
        label="Deliveries per second at most"
        hint="Empty: as fast as they are sent. New events always come first."
        problem={rate === undefined ? 'Write a number from 1 to 100,000, or nothing.' : undefined}
        min={1}
        value={rateText}
        onChange={(rate) => set({ rate }, true)}
      />
      <Problem
        error={error}
        what="The preview could not be made"
        onAgain={() => ask({ requestPolicy: 'network-only' })}
      />
      {isReadable && fetching && <p className="late soft">Counting…</p>}
      {preview && <PreviewResult preview={preview} rate={rate} />}
      {preview && <StartForm input={input} rate={rate} preview={preview} />}
    </div>
  );
}

interface StartProps {
  input: ReturnType<typeof inputOf>;
  /** undefined: it is not a rate. */
  rate: number | null | undefined;
  preview: Preview;
}

function StartForm({ input, rate, preview }: StartProps) {
  const mayWrite = useScope('DELIVERIES_WRITE');
  const [, navigate] = useLocation();
  const [note, setNote] = useState('');
  // The same form starts one replay, however often the answer gets lost.
  const idempotencyKey = useMemo(newKey, [input, rate, note]);
  const [{ data, error, fetching }, start] = useMutation(ReplayDeliveriesDocument);
  if (!mayWrite) return <p className="note">Sending again requires the scope DELIVERIES_WRITE.</p>;
  const { count, precision } = preview.deliveries;
  const many = `${precision === 'AT_LEAST' ? 'at least ' : ''}${count.toLocaleString()}`;

  async function onSubmit(event: FormEvent) {
    event.preventDefault();
    if (rate === undefined) return;
    const result = await start({
      input: { ...input, ratePerSecond: rate, note: note.trim(), idempotencyKey },
    });
    const replay = result.data?.replayDeliveries?.replay;
    if (replay) navigate(`/replays/${replay.id}`);
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
            onChange={(event) => setNote(event.target.value)}
          />
        )}
      </Field>
      <Problem error={error} what="The replay could not be started" />
      <UserErrors errors={data?.replayDeliveries?.userErrors} />
      <div className="actions start">
        <button
          type="submit"
          className="primary"
          disabled={fetching || count === 0 || rate === undefined || preview.userErrors.length > 0}
        >
          Send {many} {count === 1 ? 'delivery' : 'deliveries'} again
        </button>
      </div>
    </form>
  );
}
