import { type ChangeEvent, useState } from 'react';
import { useMutation } from 'urql';
import { exactly } from '../api/exact';
import { dataProblem } from '../events/publishing';
import { ImportEventTypesDocument } from '../gql/graphql';
import { Dialog } from '../ui/Dialog';
import { Field } from '../ui/Field';
import { Problem } from '../ui/Problem';
import { UserErrors } from '../ui/UserErrors';
import { Changes } from './Changes';
import { changedCount, effectOf } from './eventTypes';

/** Imports the event types of an OpenAPI document, after showing what it changes and breaks. The document is sent as it is. */
export function ImportDialog({ onClose }: { onClose(isDone: boolean): void }) {
  const [text, setText] = useState('');
  const [removes, setRemoves] = useState(false);
  const [checked, setChecked] = useState(false);
  // What was tried: of another document, or with the other setting, the result is not known.
  const [tried, setTried] = useState<{ text: string; removes: boolean }>();
  const [{ data, error, fetching }, send] = useMutation(ImportEventTypesDocument);
  const isCurrent = tried?.text === text && tried.removes === removes;
  const payload = isCurrent ? data?.importEventTypes : undefined;
  const changes = payload?.changes;
  const count = changes ? changedCount(changes) : 0;
  const isBreaking = changes?.some((change) => effectOf(change) !== '') ?? false;

  async function run(dryRun: boolean) {
    setChecked(true);
    if (dataProblem(text)) return;
    const { standIn, context } = exactly(text);
    setTried({ text, removes });
    const result = await send({ input: { openApi: standIn, deleteMissing: removes, dryRun } }, context);
    if (!dryRun && result.data?.importEventTypes?.changes) onClose(true);
  }

  async function read(event: ChangeEvent<HTMLInputElement>) {
    const file = event.target.files?.[0];
    if (file) setText(await file.text());
  }

  return (
    <Dialog title="Import event types" onClose={() => onClose(false)} wide>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void run(!(changes && count > 0));
        }}
      >
        <Field
          label="File"
          hint="OpenAPI 3.1 or 3.2 as JSON, whose webhooks are the event types."
          problem={undefined}
        >
          {(field) => (
            <input {...field} name="file" type="file" accept=".json" onChange={(event) => void read(event)} />
          )}
        </Field>
        <Field label="Or its text" problem={checked ? dataProblem(text) : undefined}>
          {(field) => (
            <textarea
              {...field}
              name="document"
              className="json"
              rows={changes ? 3 : 8}
              spellCheck={false}
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
          )}
        </Field>
        <label className="check">
          <input
            type="checkbox"
            name="removes"
            checked={removes}
            onChange={(event) => setRemoves(event.target.checked)}
          />
          <span>Delete declarations that are not in the document</span>
        </label>
        <Problem error={error} what="The document could not be imported" />
        <UserErrors errors={payload?.userErrors} />
        {changes && <Changes changes={changes} unchanged={payload?.unchangedCount ?? 0} />}
        <div className="actions">
          <button type="button" onClick={() => onClose(false)}>
            Cancel
          </button>
          <button type="submit" className={isBreaking ? 'danger' : 'primary'} disabled={fetching}>
            {changes && count > 0
              ? `Import ${count.toLocaleString()} ${count === 1 ? 'change' : 'changes'}${isBreaking ? ' nevertheless' : ''}`
              : 'See what changes'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
