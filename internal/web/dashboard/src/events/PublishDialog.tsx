import { type FormEvent, useState } from 'react';
import { useMutation } from 'urql';
import { Link, useLocation } from 'wouter';
import { exactly } from '../api/exact';
import { PublishEventDocument } from '../gql/graphql';
import { Dialog } from '../ui/Dialog';
import { Field } from '../ui/Field';
import { Problem } from '../ui/Problem';
import { UserErrors } from '../ui/UserErrors';
import { dataProblem, tagsOf } from './publishing';
import type { Event } from './useEvent';

interface Props {
  /** An event to publish again; undefined for a new one. */
  like?: Pick<Event, 'type' | 'exactData' | 'tags'>;
  title?: string;
  onClose(): void;
}

interface Form {
  type: string;
  data: string;
  tags: string;
  key: string;
}

const FIELDS = ['type', 'data', 'tags', 'idempotencyKey'];

/** Publishes an event and goes to its page. The data is sent as it is typed. */
export function PublishDialog({ like, title = like ? 'Publish again' : 'Publish an event', onClose }: Props) {
  const [, navigate] = useLocation();
  const [form, setForm] = useState<Form>({
    type: like?.type ?? '',
    data: like?.exactData ?? '',
    tags: like?.tags.join('\n') ?? '',
    key: '',
  });
  const [checked, setChecked] = useState(false);
  const [{ data: answer, error, fetching }, publish] = useMutation(PublishEventDocument);
  const payload = answer?.publishEvent;
  const notJson = checked ? dataProblem(form.data) : undefined;
  // The server's errors of one field; errors of list elements belong to the list.
  const problemOf = (field: string) => payload?.userErrors.find((e) => e.field[1] === field)?.message;

  async function onSubmit(event: FormEvent) {
    event.preventDefault();
    setChecked(true);
    if (dataProblem(form.data)) return;
    const { standIn, context } = exactly(form.data);
    const input = {
      type: form.type.trim(),
      data: standIn,
      tags: tagsOf(form.tags),
      idempotencyKey: form.key || null,
    };
    const result = await publish({ input }, context);
    const published = result.data?.publishEvent;
    if (!published?.event || published.duplicate) return;
    onClose();
    navigate(`/events/${published.event.id}`);
  }

  return (
    <Dialog title={title} onClose={onClose} wide>
      <form onSubmit={onSubmit}>
        <Fields
          form={form}
          set={(change) => setForm((now) => ({ ...now, ...change }))}
          problemOf={(field) => (field === 'data' && notJson) || problemOf(field)}
          onLeave={() => setChecked(form.data !== '')}
        />
        <Problem error={error} what="The event could not be published" />
        <UserErrors errors={payload?.userErrors} except={FIELDS} />
        {payload?.duplicate && payload.event && (
          <p className="note" role="status">
            This key was used before with the same content: nothing new was published.{' '}
            <Link href={`/events/${payload.event.id}`} onClick={onClose}>
              See the event
            </Link>
          </p>
        )}
        <div className="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="primary" disabled={fetching}>
            Publish
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface FieldsProps {
  form: Form;
  set(change: Partial<Form>): void;
  problemOf(field: string): string | undefined;
  /** Called when the data field loses focus. */
  onLeave(): void;
}

function Fields({ form, set, problemOf, onLeave }: FieldsProps) {
  return (
    <>
      <Field label="Type" hint="Words joined by dots, such as order.paid." problem={problemOf('type')}>
        {(field) => (
          <input
            {...field}
            name="type"
            required
            spellCheck={false}
            autoCapitalize="none"
            value={form.type}
            onChange={(event) => set({ type: event.target.value })}
          />
        )}
      </Field>
      <Field
        label="Data"
        hint="JSON. Numbers, texts and the order of members stay as they are written here."
        problem={problemOf('data')}
      >
        {(field) => (
          <textarea
            {...field}
            name="data"
            rows={8}
            spellCheck={false}
            value={form.data}
            onBlur={onLeave}
            onChange={(event) => set({ data: event.target.value })}
          />
        )}
      </Field>
      <Field label="Tags" hint="One a line. Receivers do not get them." problem={problemOf('tags')}>
        {(field) => (
          <textarea
            {...field}
            name="tags"
            rows={2}
            spellCheck={false}
            value={form.tags}
            onChange={(event) => set({ tags: event.target.value })}
          />
        )}
      </Field>
      <Field
        label="Idempotency key"
        hint="Empty for none. The same key with the same content publishes once."
        problem={problemOf('idempotencyKey')}
      >
        {(field) => (
          <input
            {...field}
            name="key"
            spellCheck={false}
            autoCapitalize="none"
            value={form.key}
            onChange={(event) => set({ key: event.target.value })}
          />
        )}
      </Field>
    </>
  );
}
