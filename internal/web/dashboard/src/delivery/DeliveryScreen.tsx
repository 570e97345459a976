import { Link, useSearchParams } from 'wouter';
import { useActions } from '../deliveries/useActions';
import { useScope } from '../frame/viewer';
import { DeliveryDocument } from '../gql/graphql';
import { OpenIssues } from '../issues/OpenIssues';
import { CopyButton } from '../ui/CopyButton';
import { GraphiqlLink } from '../ui/GraphiqlLink';
import { Missing } from '../ui/Missing';
import { Problem } from '../ui/Problem';
import { Status } from '../ui/Status';
import { useShortcut } from '../ui/shortcuts';
import { Time } from '../ui/Time';
import { useTitle } from '../ui/title';
import { Visible } from '../ui/Visible';
import { Actions } from './Actions';
import { AttemptDetail } from './AttemptDetail';
import { Sentence } from './Sentence';
import type { Delivery } from './sentence';
import { Timeline } from './Timeline';
import { useDelivery } from './useDelivery';

/** A delivery: its state, its attempts, and why it failed. The address has the selected attempt. */
export function DeliveryScreen({ id }: { id: string }) {
  const [params, setParams] = useSearchParams();
  const { delivery, attempts, error, missing, reload } = useDelivery(id);
  const mayWrite = useScope('DELIVERIES_WRITE');
  const { retry } = useActions(reload);
  useTitle(`Delivery ${delivery?.event?.type ?? id}`);

  const wanted = params.get('attempt');
  const found = attempts.findIndex((attempt) => attempt.id === wanted);
  const at = found >= 0 ? found : attempts.length - 1;
  const chosen = attempts[at];
  const choose = (id: string) => setParams({ attempt: id }, { replace: true });
  const step = (by: number) => {
    const next = attempts[at + by];
    if (next) choose(next.id);
  };
  useShortcut('j', 'Next attempt', () => step(1));
  useShortcut('k', 'Attempt before', () => step(-1));
  useShortcut('r', 'Retry', () => mayWrite && void retry([id]));

  return (
    <div className="screen">
      <Problem error={error} what="The delivery could not be read" onAgain={reload} />
      {missing && <Missing noun="delivery" id={id} why="Retention may have removed it." />}
      {delivery && (
        <>
          <Heading delivery={delivery} />
          <Sentence delivery={delivery} last={attempts.at(-1)} />
          <Actions delivery={delivery} onChanged={reload} />
          <div className="delivery">
            <Timeline delivery={delivery} attempts={attempts} chosen={chosen?.id} onChoose={choose} />
            {chosen && <AttemptDetail key={chosen.id} attempt={chosen} before={attempts[at - 1]} />}
          </div>
          {delivery.webhook && <OpenIssues webhookIds={[delivery.webhookId]} />}
        </>
      )}
    </div>
  );
}

function Heading({ delivery }: { delivery: Delivery }) {
  return (
    <div className="head">
      <h1>{delivery.event?.type ?? 'Delivery'}</h1>
      <Status status={delivery.status} />
      <span className="to">
        to{' '}
        {delivery.webhook ? (
          <Link href={`/webhooks/${delivery.webhookId}`}>
            <Visible text={delivery.webhookUrl} />
          </Link>
        ) : (
          <Visible text={delivery.webhookUrl} />
        )}
      </span>
      <span className="soft">
        published <Time at={delivery.createdAt} />
      </span>
      {delivery.event && <Link href={`/events/${delivery.event.id}`}>Its event</Link>}
      {delivery.replay && <Link href={`/replays/${delivery.replay.id}`}>Its replay</Link>}
      <div className="head-end">
        <CopyButton text={delivery.id}>Copy ID</CopyButton>
        <CopyButton text={() => location.href}>Copy link</CopyButton>
        <GraphiqlLink document={DeliveryDocument} variables={{ id: delivery.id }} />
      </div>
    </div>
  );
}
