import { useState } from 'react';
import { useQuery } from 'urql';
import { useScope } from '../frame/viewer';
import { ChooseWebhookDocument } from '../gql/graphql';
import { Field } from '../ui/Field';
import { Problem } from '../ui/Problem';
import { Visible } from '../ui/Visible';

interface Props {
  label: string;
  onChoose(id: string): void;
}

/** Chooses a webhook. */
export function WebhookChooser({ label, onChoose }: Props) {
  const mayRead = useScope('WEBHOOKS_READ');
  const [text, setText] = useState('');
  const [{ data, error }] = useQuery({
    query: ChooseWebhookDocument,
    variables: { text: text || null },
    pause: !mayRead,
  });
  if (!mayRead) return <p className="note">Name the webhook in the filter: webhook: and its ID.</p>;
  const found = data?.webhooks;
  return (
    <section className="chooser" aria-label="Which webhook">
      <Field label={label} hint="A part of its URL, its description or its external ID." problem={undefined}>
        {(field) => (
          <input
            {...field}
            name="webhook"
            type="search"
            autoComplete="off"
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
      <Problem error={error} what="The webhooks could not be read" />
      <ul className="hits" aria-label="Webhooks">
        {found?.nodes.map(({ id, url, description }) => (
          <li key={id}>
            <button type="button" onClick={() => onChoose(id)}>
              <Visible text={url} />{' '}
              {description && (
                <span className="soft">
                  <Visible text={description} />
                </span>
              )}
            </button>
          </li>
        ))}
      </ul>
      {found?.nodes.length === 0 && <p className="soft">No webhook has this.</p>}
      {found?.pageInfo.hasNextPage && <p className="soft">There are more: type a part of the URL.</p>}
    </section>
  );
}
