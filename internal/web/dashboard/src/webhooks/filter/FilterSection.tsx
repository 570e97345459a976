import { type FormEvent, useState } from 'react';
import { EXACT, exactly } from '../../api/exact';
import { dataProblem } from '../../events/publishing';
import { FilterOfWebhookDocument } from '../../gql/graphql';
import { Field } from '../../ui/Field';
import { Problem } from '../../ui/Problem';
import { Time } from '../../ui/Time';
import { problemsAt } from '../exact/problems';
import { SaveRow } from '../exact/SaveRow';
import { useExactly } from '../exact/useExactly';
import { useForm } from '../form/useForm';
import { useStored } from '../form/useStored';
import { canonical, filterText, formOf, NAMES, recentText, type Stored } from './filter';
import { type Trial, useTrial } from './useTrial';

interface Props {
  of: { id: string; updatedAt: string };
  onChanged(): void;
}

/** Which of the events of its types a webhook wants. It is a form of its own, because a filter is sent as it is typed. */
export function FilterSection({ of, onChanged }: Props) {
  const { webhook, error } = useStored(FilterOfWebhookDocument, of, EXACT);
  return (
    <section>
      <h2>Filter</h2>
      <Problem error={error} what="The filter could not be read" />
      {webhook && <FilterForm webhook={webhook} onChanged={onChanged} />}
    </section>
  );
}

function FilterForm({ webhook, onChanged }: Pick<Props, 'onChanged'> & { webhook: Stored }) {
  const { form, clashes, set, saved } = useForm(webhook, formOf, canonical);
  const text = form.filter;
  const [checked, setChecked] = useState(false);
  const saving = useExactly(webhook, onChanged);
  const notJson = dataProblem(filterText(text));
  const trial = useTrial(webhook.id, webhook.events ?? null, notJson ? null : filterText(text));
  const problem = trial ? problemsAt(trial.preview.userErrors, 'filter') : checked ? notJson : undefined;

  async function onSubmit(event: FormEvent) {
    event.preventDefault();
    setChecked(true);
    if (notJson) return;
    const { standIn, context } = exactly(filterText(text));
    if (await saving.save({ filter: standIn }, context)) saved();
  }

  return (
    <form onSubmit={onSubmit} className="settings" aria-label="Filter">
      <Field
        label="Condition on events"
        hint={'JSON, such as {"data": {"amount": {"$gte": 100}}}; empty for every event of its types.'}
        problem={problem ?? problemsAt(saving.errors, 'filter')}
      >
        {(field) => (
          <textarea
            {...field}
            name="filter"
            rows={6}
            spellCheck={false}
            value={text}
            onChange={(event) => set({ filter: event.target.value })}
            onBlur={() => setChecked(true)}
          />
        )}
      </Field>
      <div role="status" className="trial">
        {trial && <TrialText {...trial} />}
      </div>
      <SaveRow what="filter" saving={saving} shown={[['filter']]} clashes={clashes} names={NAMES} />
    </form>
  );
}

function TrialText({ preview, event }: Trial) {
  const recent = recentText(preview);
  return (
    <>
      {recent && <p>{recent}</p>}
      {event && preview.failedTerm && (
        <p className="soft">
          Not the newest, <code>{event.type}</code>, <Time at={event.createdAt} />: {preview.failedTerm}.
        </p>
      )}
    </>
  );
}
