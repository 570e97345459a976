import { expect, test } from 'vitest';
import { CONFLICT, otherProblems, problemsAt } from './problems';

// An error says where it is in the JSON; those of other members are not shown beside it.
test('errors name where they are', () => {
  const errors = [
    { field: ['input', 'payload', 'template', 'blocks', '0'], message: 'placeholder 1 is wrong' },
    { field: ['input', 'payload', 'template'], message: 'is too long' },
    { field: ['input', 'payload', 'includeFields', '0'], message: 'is wrong' },
    { field: ['input', 'filter', 'data', 'amount', '$gte'], message: 'must be a number or a string' },
    { field: ['input', 'url', 'template'], message: 'is another' },
  ];
  expect(problemsAt(errors, 'payload', 'template')).toBe('blocks.0: placeholder 1 is wrong; is too long');
  expect(problemsAt(errors, 'payload', 'format')).toBeUndefined();
  expect(problemsAt(errors, 'filter')).toBe('data.amount.$gte: must be a number or a string');
  expect(otherProblems(errors, [['payload', 'template'], ['filter']])).toEqual(['is wrong', 'is another']);
});

test('a conflict is told in the words of the form', () => {
  const errors = [{ field: ['input', 'ifUpdatedAt'], message: 'is not the newest', code: 'CONFLICT' }];
  expect(otherProblems(errors, [['filter']])).toEqual([CONFLICT]);
});
