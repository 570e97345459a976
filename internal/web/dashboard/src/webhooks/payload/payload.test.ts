import { expect, test } from 'vitest';
import { fieldsOf, problemsOf } from './payload';

// Blank lines are no paths, and no path means all of the data.
test('paths are read one per line', () => {
  expect(fieldsOf(' customer.id \n\nitems.sku\n')).toEqual(['customer.id', 'items.sku']);
  expect(fieldsOf(' \n')).toBeNull();
});

// An error says where in the template it is; those of other members are not shown beside it.
test('errors name where they are', () => {
  const errors = [
    { field: ['input', 'payload', 'template', 'blocks', '0'], message: 'placeholder 1 is wrong' },
    { field: ['input', 'payload', 'template'], message: 'is too long' },
    { field: ['input', 'payload', 'includeFields', '0'], message: 'is wrong' },
    { field: ['input', 'url', 'template'], message: 'is another' },
  ];
  expect(problemsOf(errors, 'template')).toBe('blocks.0: placeholder 1 is wrong; is too long');
  expect(problemsOf(errors, 'format')).toBeUndefined();
});
