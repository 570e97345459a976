import { expect, test } from 'vitest';
import { backlogOver } from './backlog';

function bucket(created: number, succeeded: number, failed = 0, canceled = 0) {
  return { values: { created, succeeded, failed, canceled } };
}

// The backlog of the past follows from the current one and the counts; it is never negative.
test('goes back from what waits now', () => {
  expect(backlogOver([bucket(10, 2), bucket(5, 1, 1, 1), bucket(0, 9)], 1)).toEqual([8, 10, 1]);
  expect(backlogOver([bucket(0, 0), bucket(3, 0)], 1)).toEqual([0, 1]);
  expect(backlogOver([], 7)).toEqual([]);
});
