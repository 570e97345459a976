import { type FormEvent, useState } from 'react';
import { useMutation } from 'urql';
import { exactly } from '../api/exact';
import { dataProblem } from '../events/publishing';
import { PutEventTypeDocument } from '../gql/graphql';
import { Dialog } from '../ui/Dialog';
import { Field, SelectField } from '../ui/Field';
import { Problem } from '../ui/Problem';
import { UserErrors } from '../ui/UserErrors';
import { problemsAt } from '../webhooks/exact/problems';
import { changesOf, type EventType, formOf, NEW, type TypeForm, VALIDATIONS } from './eventTypes';

interface Props {
  /** The type to change, or to declare if it is only seen; undefined for a new one. */
  type?: EventType;
  /** The name of a new one, if it is given. */
  named?: string;
  /** Called with the name of what was saved; null for nothing. */
  onClose(saved: string | null): void;
}

const FIELDS = ['name', 'description', 'schema', 'validation', 'example'];

/** Declares an event type, or changes its declaration. Schema and example are sent as they are typed. */
export function TypeDialog({ type, named = '', onClose }: Props) {
  const [before] = useState<TypeForm>(() => (type ? formOf(type) : { ...NEW, name: named }));
  const [form, setForm] = useState(before);
  const [checked, setChecked] = useState(false);
  const [{ data, error, fetching }, put] = useMutation(PutEventTypeDocument);
  const errors = data?.putEventType?.userErrors ?? [];
  const notJson = { schema: problemIn(form.schema), example: problemIn(form.example) };
  const isDeclared = type?.declared ?? false;

  async function onSubmit(event: FormEvent) {
    event.preventDefault();
    setChecked(true);
    if (notJson.schema || notJson.example) return;
    const { input, schema, example } = changesOf(before, form);
    const texts = exactly(schema ?? 'null', example ?? 'null');
    const result = await put(
      {
        input: {
          ...input,
          ...(schema !== null && { schema: texts.standIn }),
          ...(example !== null && { example: texts.others[0] }),
        },
      },
      texts.context,
    );
    if (result.data?.putEventType?.eventType) onClose(result.data.putEventType.eventType.name);
  }

  return (
    <Dialog
      title={isDeclared ? `Edit ${type?.name}` : 'Declare an event type'}
      onClose={() => onClose(null)}
      wide
    >
      <form onSubmit={onSubmit}>
        {!type && (
          <Field
            label="Name"
            hint="Words joined by dots, such as order.paid."
            problem={problemsAt(errors, 'name')}
          >
            {(field) => (
              <input
                {...field}
                name="name"
                required
                spellCheck={false}
                autoCapitalize="none"
                autoComplete="off"
                value={form.name}
                onChange={(event) => setForm((now) => ({ ...now, name: event.target.value }))}
              />
            )}
          </Field>
        )}
        <Fields
          form={form}
          set={(change) => setForm((now) => ({ ...now, ...change }))}
          problemOf={(field) =>
            (checked && notJson[field as 'schema' | 'example']) || problemsAt(errors, field)
          }
        />
        <Problem error={error} what="The event type could not be saved" />
        <UserErrors errors={errors} except={FIELDS} />
        <div className="actions">
          <button type="button" onClick={() => onClose(null)}>
            Cancel
          </button>
          <button type="submit" className="primary" disabled={fetching}>
            {isDeclared ? 'Save' : 'Declare'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** The error in typed JSON; undefined for none, and for no text. */
function problemIn(text: string): string | undefined {
  return text.trim() === '' ? undefined : dataProblem(text);
}

interface FieldsProps {
  form: TypeForm;
  set(change: Partial<TypeForm>): void;
  problemOf(field: string): string | undefined;
}

function Fields({ form, set, problemOf }: FieldsProps) {
  return (
    <>
      <Field label="Description" hint="For those who receive its events." problem={problemOf('description')}>
        {(field) => (
          <textarea
            {...field}
            name="description"
            rows={2}
            value={form.description}
            onChange={(event) => set({ description: event.target.value })}
          />
        )}
      </Field>
      <Field label="Schema" hint="JSON Schema of the data; empty for none." problem={problemOf('schema')}>
        {(field) => (
          <textarea
            {...field}
            name="schema"
            className="json"
            rows={8}
            spellCheck={false}
            value={form.schema}
            onChange={(event) => set({ schema: event.target.value })}
          />
        )}
      </Field>
      {form.schema.trim() !== '' && (
        <SelectField
          name="validation"
          label="Events that break the schema"
          hint="Applies to events that are published from now on."
          problem={problemOf('validation')}
          options={VALIDATIONS}
          value={form.validation}
          onChange={(validation) => set({ validation })}
        />
      )}
      <Field label="Example" hint="JSON of the data; empty for none." problem={problemOf('example')}>
        {(field) => (
          <textarea
            {...field}
            name="example"
            className="json"
            rows={5}
            spellCheck={false}
            value={form.example}
            onChange={(event) => set({ example: event.target.value })}
          />
        )}
      </Field>
      <label className="check">
        <input
          type="checkbox"
          name="deprecated"
          checked={form.deprecated}
          onChange={(event) => set({ deprecated: event.target.checked })}
        />
        <span>
          Deprecated <small>Publishers and receivers should no longer use it.</small>
        </span>
      </label>
    </>
  );
}
