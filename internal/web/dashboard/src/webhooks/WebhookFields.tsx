import { Field } from '../ui/Field';

export interface WebhookForm {
  url: string;
  types: string;
  description: string;
}

interface Props {
  form: WebhookForm;
  set(change: Partial<WebhookForm>): void;
  /** The validation error of an input field. */
  problemOf(field: string): string | undefined;
}

/** The fields of every webhook: its URL, its event types, and a note. */
export function WebhookFields({ form, set, problemOf }: Props) {
  return (
    <>
      <Field label="URL" hint="Events are sent here by POST." problem={problemOf('url')}>
        {(field) => (
          <input
            {...field}
            name="url"
            type="url"
            required
            placeholder="https://example.com/webhooks"
            value={form.url}
            onChange={(event) => set({ url: event.target.value })}
          />
        )}
      </Field>
      <Field
        label="Event types"
        hint="One a line, such as order.paid or order.*; empty for all."
        problem={problemOf('events')}
      >
        {(field) => (
          <textarea
            {...field}
            name="events"
            rows={3}
            spellCheck={false}
            value={form.types}
            onChange={(event) => set({ types: event.target.value })}
          />
        )}
      </Field>
      <Field label="Description" hint="A note for yourselves." problem={problemOf('description')}>
        {(field) => (
          <input
            {...field}
            name="description"
            value={form.description}
            onChange={(event) => set({ description: event.target.value })}
          />
        )}
      </Field>
    </>
  );
}
