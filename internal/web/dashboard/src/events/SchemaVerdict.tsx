import { useQuery } from 'urql';
import { Link } from 'wouter';
import { pathOf } from '../eventTypes/paths';
import { SchemaErrorsDocument } from '../gql/graphql';
import { Problem } from '../ui/Problem';
import { Visible } from '../ui/Visible';

/** Whether the data fits the schema that the event's type has now; nothing if there is none. */
export function SchemaVerdict({ id, type }: { id: string; type: string }) {
  const [{ data, error }] = useQuery({
    query: SchemaErrorsDocument,
    variables: { id },
    requestPolicy: 'cache-and-network',
  });
  const errors = data?.event?.schemaErrors;
  const name = <Link href={pathOf(type)}>{type}</Link>;
  return (
    <>
      <Problem error={error} what="The data could not be checked" />
      {errors?.length === 0 && (
        <p className="status" data-status="SUCCEEDED">
          <span aria-hidden="true">✓</span> It fits the schema of {name}.
        </p>
      )}
      {errors && errors.length > 0 && (
        <div className="alert">
          <p>
            <b>It does not fit the schema that {name} has now:</b>
          </p>
          <ul>
            {errors.map(({ path, message }) => (
              <li key={path + message}>
                <code>
                  <Visible text={path === '' ? 'data' : path} />
                </code>{' '}
                <Visible text={message} />
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}
