import { useMutation } from 'urql';
import { useScope } from '../frame/viewer';
import { AcknowledgeIssueDocument, type IssueRowFragment as Issue } from '../gql/graphql';
import { Problem } from '../ui/Problem';
import { UserErrors } from '../ui/UserErrors';

/** A button to acknowledge an issue, while nobody has. */
export function Acknowledge({ issue, onChanged }: { issue: Issue; onChanged(): void }) {
  const [{ data, error, fetching }, acknowledge] = useMutation(AcknowledgeIssueDocument);
  const mayWrite = useScope('WEBHOOKS_WRITE');
  return (
    <>
      {!issue.acknowledgedAt && mayWrite && (
        <button
          type="button"
          disabled={fetching}
          onClick={() => void acknowledge({ id: issue.id }).then(onChanged)}
        >
          Acknowledge
        </button>
      )}
      <Problem error={error} what="It could not be acknowledged" />
      <UserErrors errors={data?.acknowledgeIssue?.userErrors} />
    </>
  );
}
