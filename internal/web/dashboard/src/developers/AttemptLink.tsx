import { useQuery } from 'urql';
import { Link } from 'wouter';
import { DebuggedAttemptDocument } from '../gql/graphql';
import { Visible } from '../ui/Visible';

/** The attempt that is compared with. */
export function AttemptLink({ id }: { id: string }) {
  const [{ data }] = useQuery({ query: DebuggedAttemptDocument, variables: { id } });
  const attempt = data?.attempt;
  if (attempt?.id !== id || !attempt.delivery) return null;
  return (
    <p>
      <Link href={`/deliveries/${attempt.delivery.id}?attempt=${id}`}>Attempt {attempt.number}</Link> to{' '}
      <Visible text={attempt.request.url} />
    </p>
  );
}
