import { type FormEvent, useState } from 'react';
import { useMutation } from 'urql';
import { useLocation } from 'wouter';
import {
  DeleteWebhookDocument,
  UpdateWebhookDocument,
  type WebhookOnFailure,
  type WebhookOrdering,
  type WebhookQuery,
} from '../gql/graphql';
import { Dialog } from '../ui/Dialog';
import { Field, NumberField, SelectField } from '../ui/Field';
import { Problem } from '../ui/Problem';
import { duration } from '../ui/time';
import { AuthenticationSection } from './authentication/AuthenticationSection';
import { CONFLICT } from './exact/problems';
import { FilterSection } from './filter/FilterSection';
import { Meanwhile } from './form/Meanwhile';
import { useForm } from './form/useForm';
import { savedVersion, saveOver } from './form/versions';
import { HeaderFields } from './HeaderFields';
import { PayloadSection } from './payload/PayloadSection';
import { ScheduleLine } from './ScheduleLine';
import { formOf, inputOf, NAMES, numberOf, type SettingsForm, scheduleOf, statusesOf } from './settings';
import { WebhookFields } from './WebhookFields';
import type { Webhook } from './WebhookScreen';

interface Props {
  webhook: Webhook;
  server: WebhookQuery['server'] | null;
  onChanged(): void;
}

/**
 * The settings of a webhook. A concurrent change by someone else is not overwritten: it is shown, and what is saved is what was typed. Disabling
 * asks for confirmation.
 */
export function SettingsTab({ webhook, server, onChanged }: Props) {
  const { form, clashes, set, saved } = useForm(webhook, formOf);
  const [asking, setAsking] = useState(false);
  const [{ data, error, fetching }, update] = useMutation(UpdateWebhookDocument);
  const payload = data?.updateWebhook;

  async function save() {
    const isSaved = await saveOver(webhook, async (ifUpdatedAt) => {
      const { data } = await update({ input: { ...inputOf(form), id: webhook.id, ifUpdatedAt } });
      return savedVersion(data?.updateWebhook);
    });
    if (isSaved) {
      saved();
      onChanged();
    }
  }

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    if (webhook.enabled && !form.enabled) setAsking(true);
    else void save();
  }

  const numbers = [
    ...(scheduleOf(form.schedule) ?? []),
    ...statusesOf(form.statuses),
    numberOf(form.timeout) ?? 0,
    numberOf(form.rate) ?? 0,
  ];
  const unreadable = numbers.some(Number.isNaN);
  return (
    <>
      <form onSubmit={onSubmit} className="settings">
        <SettingsFields
          form={form}
          server={server}
          set={set}
          problemOf={(field) => payload?.userErrors.find((e) => e.field[1] === field)?.message}
        />
        <Problem error={error} what="The settings could not be saved" />
        {payload?.userErrors
          .filter(({ field }) => !SHOWN.includes(field[1] ?? ''))
          .map(({ code, message }) => (
            <p className="alert" role="alert" key={message}>
              {code === 'CONFLICT' ? CONFLICT : message}
            </p>
          ))}
        <Meanwhile clashes={clashes} names={NAMES} />
        <div className="actions start">
          <button type="submit" className="primary" disabled={fetching || unreadable}>
            Save
          </button>
          <span role="status" className="soft">
            {payload?.userErrors.length === 0 && !fetching && 'Saved.'}
          </span>
        </div>
      </form>
      {asking && (
        <DisableDialog webhook={webhook} onClose={() => setAsking(false)} onConfirm={() => void save()} />
      )}
      <FilterSection of={webhook} onChanged={onChanged} />
      <PayloadSection of={webhook} onChanged={onChanged} />
      <AuthenticationSection of={webhook} onChanged={onChanged} />
      <DeleteSection webhook={webhook} />
    </>
  );
}

interface FieldsProps {
  form: SettingsForm;
  server: WebhookQuery['server'] | null;
  set(change: Partial<SettingsForm>): void;
  problemOf(field: string): string | undefined;
}

function SettingsFields({ form, server, set, problemOf }: FieldsProps) {
  return (
    <>
      <label className="check">
        <input
          type="checkbox"
          checked={form.enabled}
          onChange={(event) => set({ enabled: event.target.checked })}
        />
        <span>
          Enabled <small>while it is not, deliveries are held and nothing is lost</small>
        </span>
      </label>
      <label className="check">
        <input
          type="checkbox"
          name="probe"
          checked={form.probe}
          onChange={(event) => set({ probe: event.target.checked })}
        />
        <span>
          Probe it when it fails{' '}
          <small>
            disabled after 5 days of failures, it gets a request now and then; it is enabled when it answers
          </small>
        </span>
      </label>
      <WebhookFields form={form} set={set} problemOf={problemOf} />
      <ScheduleField
        text={form.schedule}
        server={server?.retryScheduleMs ?? []}
        problem={problemOf('retryScheduleMs')}
        onChange={(schedule) => set({ schedule })}
      />
      <StatusesField
        text={form.statuses}
        problem={problemOf('noRetryStatuses')}
        onChange={(statuses) => set({ statuses })}
      />
      <NumberField
        name="timeout"
        label="Time limit of an attempt, in milliseconds"
        hint={`Empty: the server's, ${duration(server?.timeoutMs ?? 15_000)}.`}
        problem={problemOf('timeoutMs')}
        min={1000}
        value={form.timeout}
        onChange={(timeout) => set({ timeout })}
      />
      <NumberField
        name="rate"
        label="Attempts per second at most"
        hint="Empty: no limit."
        problem={problemOf('ratePerSecond')}
        min={1}
        value={form.rate}
        onChange={(rate) => set({ rate })}
      />
      <OrderFields form={form} set={set} problemOf={problemOf} />
      <HeaderFields
        headers={form.headers}
        onChange={(headers) => set({ headers })}
        problem={problemOf('headers')}
      />
      <label className="check">
        <input
          type="checkbox"
          name="sendTraceparent"
          checked={form.sendTraceparent}
          onChange={(event) => set({ sendTraceparent: event.target.checked })}
        />
        <span>
          Send the trace <small>the header traceparent, if the event was published in a trace</small>
        </span>
      </label>
    </>
  );
}

const ORDERS: Record<WebhookOrdering, string> = {
  NONE: 'In no order, as fast as it takes them',
  KEY: 'One after the other for each ordering key',
};

const AFTER_FAILURE: Record<WebhookOnFailure, string> = {
  CONTINUE: 'The next of its ordering key is sent',
  HOLD: 'Nothing of its ordering key, until someone retries or cancels it',
};

function OrderFields({ form, set, problemOf }: Omit<FieldsProps, 'server'>) {
  return (
    <>
      <SelectField
        name="ordering"
        label="How events are sent"
        hint="Applies to events that are published from now on."
        problem={problemOf('ordering')}
        options={ORDERS}
        value={form.ordering}
        onChange={(ordering) => set({ ordering })}
      />
      {form.ordering === 'KEY' && (
        <SelectField
          name="onFailure"
          label="After a delivery that failed"
          hint="A delivery fails when its last retry has failed."
          problem={problemOf('onFailure')}
          options={AFTER_FAILURE}
          value={form.onFailure}
          onChange={(onFailure) => set({ onFailure })}
        />
      )}
    </>
  );
}

interface DisableProps {
  webhook: Webhook;
  onClose(): void;
  onConfirm(): void;
}

/** Asks for confirmation before a webhook is disabled, and explains the consequences. */
function DisableDialog({ webhook, onClose, onConfirm }: DisableProps) {
  const due = webhook.health?.backlog.due;
  return (
    <Dialog title="Disable this webhook?" onClose={onClose}>
      <p>
        No attempt starts until it is enabled again. Deliveries that wait{' '}
        {due !== undefined && `(${due.toLocaleString()} now) `}are held, and so are new ones: nothing is lost.
      </p>
      <div className="actions">
        <button type="button" onClick={onClose}>
          Keep it enabled
        </button>
        <button
          type="button"
          className="danger"
          onClick={() => {
            onConfirm();
            onClose();
          }}
        >
          Disable it
        </button>
      </div>
    </Dialog>
  );
}

const SHOWN = [
  'url',
  'events',
  'description',
  'retryScheduleMs',
  'noRetryStatuses',
  'timeoutMs',
  'ratePerSecond',
  'ordering',
  'onFailure',
  'headers',
];

interface ScheduleProps {
  text: string;
  /** The server's default, in milliseconds. */
  server: readonly number[];
  problem: string | undefined;
  onChange(text: string): void;
}

function ScheduleField({ text, server, problem, onChange }: ScheduleProps) {
  const schedule = scheduleOf(text);
  const isNumbers = !schedule?.some(Number.isNaN);
  const delays = schedule ?? server;
  return (
    <>
      <Field
        label="Retry schedule, in seconds"
        hint={
          schedule === null
            ? `Empty: the server's, ${server.map(duration).join(', ')}. Write none for no retries.`
            : schedule.length === 0
              ? 'No retries.'
              : `Retries after ${schedule.map(duration).join(', ')}: over ${duration(schedule.reduce((a, b) => a + b, 0))} in all.`
        }
        problem={isNumbers ? problem : 'Write numbers, such as 5 300 1800.'}
      >
        {(field) => (
          <input
            {...field}
            name="schedule"
            placeholder="5 300 1800"
            value={text}
            onChange={(event) => onChange(event.target.value)}
          />
        )}
      </Field>
      {isNumbers && <ScheduleLine delays={delays} />}
    </>
  );
}

function StatusesField({ text, problem, onChange }: Omit<ScheduleProps, 'server'>) {
  const unreadable = statusesOf(text).some(Number.isNaN);
  return (
    <Field
      label="No retries after these HTTP statuses"
      hint="A delivery fails at once when the receiver answers one of them, 300 to 599. After 410 the webhook is disabled."
      problem={unreadable ? 'Write numbers, such as 400 404 422.' : problem}
    >
      {(field) => (
        <input
          {...field}
          name="statuses"
          placeholder="400 404 422"
          value={text}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

function DeleteSection({ webhook }: { webhook: Webhook }) {
  const [asking, setAsking] = useState(false);
  const [, navigate] = useLocation();
  const [{ error }, remove] = useMutation(DeleteWebhookDocument);
  const backlog = webhook.health?.backlog;

  async function confirm() {
    const { data } = await remove({ id: webhook.id });
    if (data?.deleteWebhook?.deletedWebhookId) navigate('/webhooks');
  }

  return (
    <section>
      <h2>Delete</h2>
      <Problem error={error} what="The webhook could not be deleted" />
      <button type="button" className="danger" onClick={() => setAsking(true)}>
        Delete this webhook…
      </button>
      {asking && (
        <Dialog title="Delete this webhook?" onClose={() => setAsking(false)}>
          <p>
            Its open deliveries are canceled
            {backlog && ` (${(backlog.due + backlog.held).toLocaleString()} now)`}. Its history stays until
            retention removes it. This cannot be undone; to stop deliveries for a while, disable it instead.
          </p>
          <div className="actions">
            <button type="button" onClick={() => setAsking(false)}>
              Keep it
            </button>
            <button type="button" className="danger" onClick={() => void confirm()}>
              Delete it
            </button>
          </div>
        </Dialog>
      )}
    </section>
  );
}
