import { useMemo, useState } from 'react';
import { useQuery } from 'urql';
import { now } from '../api/clock';
import { FilterBar } from '../filter/FilterBar';
import { type Filter, frozen, parse, print, valuesOf } from '../filter/words';
import { ReplayPreviewDocument } from '../gql/graphql';
import { useAddress } from '../ui/address';
import { Choice, optionOf } from '../ui/Choice';
import { NumberField } from '../ui/Field';
import { Head } from '../ui/Head';
import { Problem } from '../ui/Problem';
import { useTitle } from '../ui/title';
import { PreviewResult } from './PreviewResult';
import { inputOf, KINDS, type KindOption, OPTIONS, rateOf, termsOf } from './replays';
import { StartForm } from './StartForm';
import { WebhookChooser } from './WebhookChooser';

/** Sends deliveries again, sends events that a webhook never received, or cancels open deliveries, after a preview. The form is in the address. */
export function NewReplayScreen() {
  const [params, set] = useAddress();
  const text = params.get('q') ?? '';
  const kind: KindOption = optionOf(KINDS, params.get('kind')) || 'failed';
  const rateText = kind === 'cancel' ? '' : (params.get('rate') ?? '');
  const rate = rateOf(rateText);
  const filter = useMemo(() => parse(text, OPTIONS[kind].keys), [text, kind]);
  // While another preview is made, there is no form to start it.
  const [note, setNote] = useState('');
  const title = kind === 'cancel' ? 'Cancel deliveries' : 'Send again';
  useTitle(title);
  const { input, isReadable, lacksWebhook, preview, error, fetching, ask } = usePreview(kind, filter);

  function choose(next: KindOption) {
    // The states that one kind filters by do not exist for another.
    const terms = termsOf(next, filter.terms) ?? filter.terms.filter(({ key }) => key !== 'status');
    set({ kind: next === 'failed' ? null : next, q: print(termsOf(next, terms) ?? []) }, true);
  }

  return (
    <div className="screen wizard">
      <Head title={title} document={ReplayPreviewDocument} variables={{ input }} />
      <Choice<KindOption> name="What" value={kind} options={KINDS} onChange={choose} />
      <FilterBar
        text={text}
        filter={filter}
        keys={OPTIONS[kind].keys}
        placeholder="webhook:019db8a2-… type:order.* since:2h"
        onChange={(q) => set({ q }, true)}
      />
      {lacksWebhook && (
        <WebhookChooser
          label="To which webhook?"
          onChoose={(id) => {
            const others = filter.terms.filter(({ key }) => key !== 'webhook');
            set({ q: print([{ key: 'webhook', value: id }, ...others]) }, true);
          }}
        />
      )}
      {kind !== 'cancel' && (
        <NumberField
          name="rate"
          label="Deliveries per second at most"
          hint="Empty: as fast as they are sent. New events always come first."
          problem={rate === undefined ? 'Write a number from 1 to 100,000, or nothing.' : undefined}
          min={1}
          value={rateText}
          onChange={(rate) => set({ rate }, true)}
        />
      )}
      <Problem error={error} what="The preview could not be made" onAgain={ask} />
      {isReadable && fetching && <p className="late soft">Counting…</p>}
      {preview && <PreviewResult kind={kind} preview={preview} rate={rate} />}
      {preview && preview.deliveries.count > 0 && (
        <StartForm input={input} rate={rate} preview={preview} note={note} onNote={setNote} />
      )}
    </div>
  );
}

/** The effect of a replay of the kind now; null while it is unknown. */
function usePreview(kind: KindOption, { terms, problems }: Filter) {
  // Relative times are fixed with the preview, so that exactly the previewed deliveries are sent.
  const input = useMemo(() => inputOf(kind, frozen(terms, now())), [kind, terms]);
  const lacksWebhook = kind === 'missing' && valuesOf(terms, 'webhook').length !== 1;
  const isReadable = problems.length === 0 && !lacksWebhook;
  const [{ data, error, fetching }, ask] = useQuery({
    query: ReplayPreviewDocument,
    variables: { input },
    pause: !isReadable,
  });
  return {
    input,
    lacksWebhook,
    isReadable,
    preview: isReadable && !fetching ? data?.replayPreview : null,
    error,
    fetching,
    ask: () => ask({ requestPolicy: 'network-only' }),
  };
}
