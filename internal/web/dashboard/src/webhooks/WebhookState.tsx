import type { WebhookRowFragment } from '../gql/graphql';

/** Whether a webhook gets events, as a word with a sign and a colour. */
export function WebhookState({ webhook }: { webhook: WebhookRowFragment }) {
  if (!webhook.enabled) {
    return (
      <span className="status" data-status="HELD">
        <span aria-hidden="true">❚❚</span> Disabled
      </span>
    );
  }
  return webhook.failingSince ? (
    <span className="status" data-status="FAILED">
      <span aria-hidden="true">✕</span> Failing
    </span>
  ) : (
    <span className="status" data-status="SUCCEEDED">
      <span aria-hidden="true">✓</span> Enabled
    </span>
  );
}
