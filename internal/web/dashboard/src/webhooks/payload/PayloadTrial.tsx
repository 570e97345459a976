import { Body } from '../../ui/Body';
import { Field } from '../../ui/Field';
import { useZone } from '../../ui/Time';
import { absolute } from '../../ui/time';
import { contentTypeOf } from './payload';
import type { Trial } from './useTrial';

/** The request that the settings make of a recent event. */
export function PayloadTrial({ events, chosen, choose, request, current }: Trial) {
  const zone = useZone();
  if (events === null) return null;
  if (chosen === null)
    return <p className="soft">No event of these types is stored to show the request for.</p>;
  return (
    <>
      <Field
        label="Show the request for"
        hint="One of the newest events of its types; nothing is sent."
        problem={undefined}
      >
        {(field) => (
          <select {...field} name="event" value={chosen.id} onChange={(event) => choose(event.target.value)}>
            {events.map(({ id, type, createdAt }) => (
              <option key={id} value={id}>
                {type}, {absolute(createdAt, zone)}
              </option>
            ))}
          </select>
        )}
      </Field>
      {request && (
        <div aria-busy={!current}>
          <p className="soft">
            Content type <code>{contentTypeOf(request.headers)}</code>
          </p>
          <Body text={request.body} label="request" />
        </div>
      )}
    </>
  );
}
