import { type FormEvent, useState } from 'react';
import { EXACT, exactly } from '../../api/exact';
import { dataProblem } from '../../events/publishing';
import { type PayloadFormat, PayloadOfWebhookDocument } from '../../gql/graphql';
import { Field, SelectField } from '../../ui/Field';
import { Problem } from '../../ui/Problem';
import { problemsAt } from '../exact/problems';
import { SaveRow } from '../exact/SaveRow';
import { useExactly } from '../exact/useExactly';
import { useForm } from '../form/useForm';
import { useStored } from '../form/useStored';
import { PayloadTrial } from './PayloadTrial';
import { canonical, fieldsOf, formOf, NAMES, type Stored } from './payload';
import { useTrial } from './useTrial';

interface Props {
  of: { id: string; updatedAt: string };
  onChanged(): void;
}

/** What the requests of a webhook carry. It is a form of its own, because a template is sent as it is typed. */
export function PayloadSection({ of, onChanged }: Props) {
  const { webhook, error } = useStored(PayloadOfWebhookDocument, of, EXACT);
  return (
    <section>
      <h2>Payload</h2>
      <Problem error={error} what="The payload could not be read" />
      {webhook && <PayloadForm webhook={webhook} onChanged={onChanged} />}
    </section>
  );
}

const FORMATS: Record<PayloadFormat, string> = {
  STANDARD: 'Type, timestamp and data',
  CLOUDEVENTS: 'CloudEvents, structured',
  CLOUDEVENTS_BINARY: 'CloudEvents, binary: attributes in headers',
  TEMPLATE: 'What a template makes of the event',
};

const SHOWN = ['format', 'template', 'includeFields'].map((member) => ['payload', member]);

function PayloadForm({ webhook, onChanged }: Pick<Props, 'onChanged'> & { webhook: Stored }) {
  const { form, clashes, set, saved } = useForm(webhook, formOf, canonical);
  const { format, fields, template } = form;
  const saving = useExactly(webhook, onChanged);
  const [checked, setChecked] = useState(false);
  const isTemplate = format === 'TEMPLATE';
  const broken = isTemplate ? dataProblem(template) : undefined;
  const trial = useTrial(
    webhook.id,
    webhook.events ?? null,
    broken ? null : { format, fields: fieldsOf(fields), template: isTemplate ? template : 'null' },
  );
  const wrong = broken ? [] : trial.current ? trial.errors : saving.errors;
  const problemOf = (member: string) => problemsAt(wrong, 'payload', member);

  async function onSubmit(event: FormEvent) {
    event.preventDefault();
    setChecked(true);
    if (broken) return;
    const { standIn, context } = exactly(isTemplate ? template : 'null');
    const payload = { format, includeFields: fieldsOf(fields), template: standIn };
    if (await saving.save({ payload }, context)) saved();
  }

  return (
    <form onSubmit={onSubmit} className="settings" aria-label="Payload">
      <SelectField
        name="format"
        label="What requests carry"
        hint="Deliveries keep what they were made with, until someone retries or replays them."
        problem={problemOf('format')}
        options={FORMATS}
        value={format}
        onChange={(chosen) => set({ format: chosen })}
      />
      {isTemplate && (
        <Field
          label="Template"
          hint={'JSON with placeholders, such as {"text": "{{ type }}: {{ data.name }}"}.'}
          problem={(checked ? broken : undefined) ?? problemOf('template')}
        >
          {(field) => (
            <textarea
              {...field}
              name="template"
              rows={10}
              spellCheck={false}
              value={template}
              onChange={(event) => set({ template: event.target.value })}
              onBlur={() => setChecked(template !== '')}
            />
          )}
        </Field>
      )}
      <Field
        label="Parts of the data"
        hint="One a line, such as customer.id; empty for all of it."
        problem={problemOf('includeFields')}
      >
        {(field) => (
          <textarea
            {...field}
            name="includeFields"
            rows={3}
            spellCheck={false}
            value={fields}
            onChange={(event) => set({ fields: event.target.value })}
          />
        )}
      </Field>
      <PayloadTrial {...trial} />
      <SaveRow what="payload" saving={saving} shown={SHOWN} clashes={clashes} names={NAMES} />
    </form>
  );
}
