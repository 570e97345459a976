import { type FormEvent, useState } from 'react';
import { useMutation } from 'urql';
import { useScope } from '../frame/viewer';
import {
  CancelReplayDocument,
  type ReplayRowFragment as Replay,
  UpdateReplayDocument,
  type UpdateReplayInput,
} from '../gql/graphql';
import { Dialog } from '../ui/Dialog';
import { NumberField } from '../ui/Field';
import { Problem } from '../ui/Problem';
import { UserErrors } from '../ui/UserErrors';
import { isOpen, leftOf, rateOf } from './replays';

interface Props {
  replay: Replay;
  onChanged(): void;
}

/** Pauses, resumes and cancels a replay, and changes its speed. Canceling asks for confirmation. */
export function ReplayActions({ replay, onChanged }: Props) {
  const mayWrite = useScope('DELIVERIES_WRITE');
  const [asking, setAsking] = useState<'' | 'rate' | 'cancel'>('');
  const [{ data, error, fetching }, update] = useMutation(UpdateReplayDocument);
  if (!mayWrite || !isOpen(replay) || replay.status === 'CANCELING') return null;
  const isPaused = replay.status === 'PAUSED';

  async function change(input: Omit<UpdateReplayInput, 'id'>) {
    const result = await update({ input: { id: replay.id, ...input } });
    if (!result.error) onChanged();
  }

  return (
    <>
      <div className="buttons">
        <button
          type="button"
          className="primary"
          disabled={fetching}
          onClick={() => void change({ paused: !isPaused })}
        >
          {isPaused ? 'Resume' : 'Pause'}
        </button>
        {replay.kind !== 'CANCEL' && (
          <button type="button" onClick={() => setAsking('rate')}>
            Change speed…
          </button>
        )}
        <button type="button" className="danger" onClick={() => setAsking('cancel')}>
          Cancel…
        </button>
      </div>
      <Problem error={error} what="The replay could not be changed" />
      <UserErrors errors={data?.updateReplay?.userErrors} />
      {asking === 'rate' && (
        <RateDialog
          rate={replay.ratePerSecond ?? null}
          onClose={() => setAsking('')}
          onChoose={(ratePerSecond) => void change({ ratePerSecond })}
        />
      )}
      {asking === 'cancel' && (
        <CancelReplayDialog
          replay={replay}
          onClose={(isCanceled) => {
            setAsking('');
            if (isCanceled) onChanged();
          }}
        />
      )}
    </>
  );
}

interface RateProps {
  rate: number | null;
  onClose(): void;
  onChoose(rate: number | null): void;
}

function RateDialog({ rate, onClose, onChoose }: RateProps) {
  const [text, setText] = useState(rate === null ? '' : String(rate));
  const chosen = rateOf(text);

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    if (chosen === undefined) return;
    onChoose(chosen);
    onClose();
  }

  return (
    <Dialog title="Change the speed" onClose={onClose}>
      <form onSubmit={onSubmit}>
        <NumberField
          name="rate"
          label="Deliveries per second at most"
          hint="Empty: as fast as they are sent. New events always come first."
          problem={chosen === undefined ? 'Write a number from 1 to 100,000, or nothing.' : undefined}
          min={1}
          value={text}
          onChange={setText}
        />
        <div className="actions">
          <button type="button" onClick={onClose}>
            Keep
          </button>
          <button type="submit" className="primary">
            Change
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface CancelProps {
  replay: Replay;
  onClose(isCanceled: boolean): void;
}

function whatHappens(replay: Replay): string {
  const left = leftOf(replay);
  const many = left === null ? '' : `, ${left.toLocaleString()} ${left === 1 ? 'delivery' : 'deliveries'},`;
  return replay.kind === 'CANCEL'
    ? `What was not canceled yet${many} stays as it is. What was canceled stays canceled.`
    : `What was not sent yet${many} becomes what it was before. What was sent stays sent, and is retried if it fails.`;
}

function CancelReplayDialog({ replay, onClose }: CancelProps) {
  const [{ data, error, fetching }, cancel] = useMutation(CancelReplayDocument);

  async function confirm() {
    const result = await cancel({ id: replay.id });
    if (result.data?.cancelReplay?.replay) onClose(true);
  }

  return (
    <Dialog title="Cancel this replay?" onClose={() => onClose(false)}>
      <p>{whatHappens(replay)}</p>
      <Problem error={error} what="The replay could not be canceled" />
      <UserErrors errors={data?.cancelReplay?.userErrors} />
      <div className="actions">
        <button type="button" onClick={() => onClose(false)}>
          Keep it
        </button>
        <button type="button" className="danger" disabled={fetching} onClick={() => void confirm()}>
          Cancel it
        </button>
      </div>
    </Dialog>
  );
}
