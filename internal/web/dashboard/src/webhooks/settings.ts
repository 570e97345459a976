import type { UpdateWebhookInput, WebhookOnFailure, WebhookOrdering } from '../gql/graphql';
import type { Names } from './form/merged';
import { typesOf } from './types';
import type { WebhookForm } from './WebhookFields';
import type { Webhook } from './WebhookScreen';

export interface HeaderForm {
  /** The key of the row, independent of its contents. */
  key: string;
  name: string;
  value: string;
  sensitive: boolean;
  /** Whether it has a hidden value, which is kept unless a new one is typed. */
  isKept: boolean;
}

/** The settings as typed. */
export interface SettingsForm extends WebhookForm {
  enabled: boolean;
  schedule: string;
  statuses: string;
  timeout: string;
  rate: string;
  ordering: WebhookOrdering;
  onFailure: WebhookOnFailure;
  probe: boolean;
  sendTraceparent: boolean;
  headers: readonly HeaderForm[];
}

export function formOf(webhook: Webhook): SettingsForm {
  return {
    enabled: webhook.enabled,
    url: webhook.url,
    types: webhook.events?.join('\n') ?? '',
    description: webhook.description,
    schedule: textOf(webhook.retryScheduleMs),
    statuses: webhook.noRetryStatuses.join(' '),
    timeout: webhook.timeoutMs?.toString() ?? '',
    rate: webhook.ratePerSecond?.toString() ?? '',
    ordering: webhook.ordering,
    onFailure: webhook.onFailure,
    probe: webhook.probe,
    sendTraceparent: webhook.sendTraceparent,
    headers: (webhook.headers ?? []).map(({ name, value, sensitive }) => ({
      key: name,
      name,
      value: value ?? '',
      sensitive,
      isKept: sensitive,
    })),
  };
}

/** The names of the settings, in the middle of a sentence. */
export const NAMES: Names<SettingsForm> = {
  enabled: 'whether it is enabled',
  url: 'URL',
  types: 'event types',
  description: 'description',
  schedule: 'retry schedule',
  statuses: 'statuses without retries',
  timeout: 'time limit',
  rate: 'rate',
  ordering: 'order',
  onFailure: 'order after a failure',
  probe: 'probes',
  sendTraceparent: 'trace',
  headers: 'header fields',
};

/** The word for a schedule without retries. */
const NONE = 'none';

function textOf(schedule: readonly number[] | null): string {
  if (schedule === null) return '';
  return schedule.length > 0 ? schedule.map((ms) => ms / 1000).join(' ') : NONE;
}

/** The delays in milliseconds; null for the server's default. */
export function scheduleOf(text: string): number[] | null {
  if (text.trim().toLowerCase() === NONE) return [];
  const words = text.split(/[\s,]+/).filter(Boolean);
  return words.length > 0 ? words.map((word) => Math.round(Number(word) * 1000)) : null;
}

/** HTTP statuses, separated by spaces or commas. */
export function statusesOf(text: string): number[] {
  return text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(Number);
}

export function numberOf(text: string): number | null {
  return text.trim() === '' ? null : Math.round(Number(text));
}

export function inputOf(form: SettingsForm): Omit<UpdateWebhookInput, 'id' | 'ifUpdatedAt'> {
  return {
    enabled: form.enabled,
    url: form.url.trim(),
    events: typesOf(form.types),
    description: form.description,
    retryScheduleMs: scheduleOf(form.schedule),
    noRetryStatuses: statusesOf(form.statuses),
    timeoutMs: numberOf(form.timeout),
    ratePerSecond: numberOf(form.rate),
    ordering: form.ordering,
    onFailure: form.ordering === 'KEY' ? form.onFailure : 'CONTINUE',
    probe: form.probe,
    sendTraceparent: form.sendTraceparent,
    headers: form.headers
      .filter(({ name }) => name.trim())
      .map(({ name, value, sensitive, isKept }) => ({
        name: name.trim(),
        value: isKept && value === '' ? null : value,
        sensitive,
      })),
  };
}
