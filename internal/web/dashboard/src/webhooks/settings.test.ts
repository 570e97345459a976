import { expect, test } from 'vitest';
import { formOf, inputOf, scheduleOf } from './settings';
import type { Webhook } from './WebhookScreen';

const webhook = {
  enabled: true,
  url: 'https://example.com/hook',
  events: ['order.*'],
  description: 'shop',
  retryScheduleMs: [5000, 1500],
  timeoutMs: null,
  ratePerSecond: 20,
  headers: [
    { name: 'Authorization', value: null, sensitive: true },
    { name: 'X-Shop', value: '1', sensitive: false },
  ],
} as unknown as Webhook;

// Saving what was not changed changes nothing: a sensitive value, which is not shown, stays as it is.
test('settings come back as they were', () => {
  expect(inputOf(formOf(webhook))).toEqual({
    enabled: true,
    url: 'https://example.com/hook',
    events: ['order.*'],
    description: 'shop',
    retryScheduleMs: [5000, 1500],
    timeoutMs: null,
    ratePerSecond: 20,
    headers: [
      { name: 'Authorization', value: null, sensitive: true },
      { name: 'X-Shop', value: '1', sensitive: false },
    ],
  });
});

// A header field without a name is none; an empty value of one that is shown is sent.
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
  expect(scheduleOf(' ')).toBeNull();
  expect(scheduleOf('5, 0.5')).toEqual([5000, 500]);
});
