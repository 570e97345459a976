import { expect, test } from 'vitest';
import { merged } from './form/merged';
import { formOf, inputOf, scheduleOf, statusesOf } from './settings';
import type { Webhook } from './WebhookScreen';

const webhook = {
  enabled: true,
  url: 'https://example.com/hook',
  events: ['order.*'],
  description: 'shop',
  retryScheduleMs: [5000, 1500],
  noRetryStatuses: [404, 422],
  timeoutMs: null,
  ratePerSecond: 20,
  ordering: 'KEY',
  onFailure: 'HOLD',
  headers: [
    { name: 'Authorization', value: null, sensitive: true },
    { name: 'X-Shop', value: '1', sensitive: false },
  ],
} as unknown as Webhook;

// Saving without changes changes nothing: a sensitive value, which is not shown, is kept.
test('settings come back as they were', () => {
  expect(inputOf(formOf(webhook))).toEqual({
    enabled: true,
    url: 'https://example.com/hook',
    events: ['order.*'],
    description: 'shop',
    retryScheduleMs: [5000, 1500],
    noRetryStatuses: [404, 422],
    timeoutMs: null,
    ratePerSecond: 20,
    ordering: 'KEY',
    onFailure: 'HOLD',
    headers: [
      { name: 'Authorization', value: null, sensitive: true },
      { name: 'X-Shop', value: '1', sensitive: false },
    ],
  });
});

// A header field without a name is ignored; an empty value is sent, unless the field is sensitive.
test('header fields that are typed', () => {
  const form = formOf(webhook);
  const [kept, shown] = form.headers;
  if (!kept || !shown) throw new Error('no headers');
  const headers = [
    { ...kept, value: 'Bearer new' },
    { ...shown, value: '' },
    { ...shown, name: ' ' },
  ];
  expect(inputOf({ ...form, headers }).headers).toEqual([
    { name: 'Authorization', value: 'Bearer new', sensitive: true },
    { name: 'X-Shop', value: '', sensitive: false },
  ]);
});

// Without an ordering, no failure holds deliveries; the server rejects anything else.
test('without an order a failure holds nothing up', () => {
  expect(inputOf({ ...formOf(webhook), ordering: 'NONE' })).toMatchObject({
    ordering: 'NONE',
    onFailure: 'CONTINUE',
  });
});

// Statuses may be separated as people write lists; a word among them is no number, which the form says before it sends anything.
test('statuses', () => {
  expect(statusesOf(' ')).toEqual([]);
  expect(statusesOf('404, 422 500')).toEqual([404, 422, 500]);
  expect(statusesOf('404 gone')).toEqual([404, Number.NaN]);
});

// A schedule without retries differs from the server's default.
test('schedules', () => {
  expect(inputOf(formOf({ ...webhook, retryScheduleMs: [] })).retryScheduleMs).toEqual([]);
  expect(inputOf(formOf({ ...webhook, retryScheduleMs: null })).retryScheduleMs).toBeNull();
  expect(scheduleOf(' ')).toBeNull();
  expect(scheduleOf('5, 0.5')).toEqual([5000, 500]);
  expect(scheduleOf(' None ')).toEqual([]);
});

// What someone else saved is kept, unless the same was typed here; that is told if it differs.
test('a change by someone else while the form is open', () => {
  const before = formOf(webhook);
  const now = { ...before, url: 'https://example.com/new', description: 'theirs', enabled: false, rate: '5' };
  const typed = { ...before, description: 'mine', rate: '5', headers: [] };
  expect(merged(typed, before, now)).toEqual({
    form: { ...now, description: 'mine', headers: [] },
    clashes: ['description'],
  });
  // Another change, of something else, does not make it forgotten.
  expect(merged(typed, now, { ...now, timeout: '2000' }, ['description']).clashes).toEqual(['description']);
  expect(merged(before, before, now)).toEqual({ form: now, clashes: [] });
  // After the form itself was saved nothing of it is typed any more.
  expect(merged(typed, before, typed)).toEqual({ form: typed, clashes: [] });
});
