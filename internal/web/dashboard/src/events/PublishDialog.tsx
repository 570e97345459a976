import { type FormEvent, useState } from 'react';
import { useMutation } from 'urql';
import { Link, useLocation } from 'wouter';
import { exactly } from '../api/exact';
import { PublishEventDocument } from '../gql/graphql';
import { Dialog } from '../ui/Dialog';
import { Field } from '../ui/Field';
import { Problem } from '../ui/Problem';
import { dataProblem, tagsOf } from './publishing';
import type { Event } from './useEvent';

interface Props {
  /** An event to publish again; undefined for a new one. */
  like?: Event;
  onClose(): void;
}

const FIELDS = ['type', 'data', 'tags', 'idempotencyKey'];

/** Publishes an event and goes to its page. The data is sent as it is typed. */
export function PublishDialog({ like, onClose }: Props) {
  const [, navigate] = useLocation();
  const [type, setType] = useState(like?.type ?? '');
  const [data, setData] = useState(like?.exactData ?? '');
  const [tags, setTags] = useState(like?.tags.join('\n') ?? '');
  const [key, setKey] = useState('');
  const [checked, setChecked] = useState(false);
  const [{ data: answer, error, fetching }, publish] = useMutation(PublishEventDocument);
  const payload = answer?.publishEvent;
  const notJson = checked ? dataProblem(data) : undefined;
  // What the server said of one field; list elements are said with their list.
  const problemOf = (field: string) => payload?.userErrors.find((e) => e.field[1] === field)?.message;

  async function onSubmit(event: FormEvent) {
    event.preventDefault();
    setChecked(true);
    if (dataProblem(data)) return;
    const { standIn, context } = exactly(data);
    const input = { type: type.trim(), data: standIn, tags: tagsOf(tags), idempotencyKey: key || null };
    const result = await publish({ input }, context);
    const published = result.data?.publishEvent;
    if (!published?.event || published.duplicate) return;
    onClose();
    navigate(`/events/${published.event.id}`);
  }

  return (
    <Dialog title={like ? 'Publish again' : 'Publish an event'} onClose={onClose} wide>
      <form onSubmit={onSubmit}>
        <Field label="Type" hint="Words joined by dots, such as order.paid." problem={problemOf('type')}>
          {(field) => (
            <input
              {...field}
              name="type"
              required
              spellCheck={false}
              autoCapitalize="none"
              value={type}
              onChange={(event) => setType(event.target.value)}
            />
          )}
        </Field>
        <Field
          label="Data"
          hint="JSON. Numbers, texts and the order of members stay as they are written here."
          problem={notJson ?? problemOf('data')}
        >
          {(field) => (
            <textarea
              {...field}
              name="data"
              rows={8}
              spellCheck={false}
              value={data}
              onBlur={() => setChecked(data !== '')}
              onChange={(event) => setData(event.target.value)}
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
              value={tags}
              onChange={(event) => setTags(event.target.value)}
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
              value={key}
              onChange={(event) => setKey(event.target.value)}
            />
          )}
        </Field>
        <Problem error={error} what="The event could not be published" />
        {payload?.userErrors
          .filter(({ field }) => !FIELDS.includes(field[1] ?? ''))
          .map(({ message }) => (
            <p className="alert" role="alert" key={message}>
              {message}
            </p>
          ))}
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
