import { expect, test } from 'vitest';
import { fieldsOf } from './payload';

// Blank lines are no paths, and no path means all of the data.
test('paths are read one per line', () => {
  expect(fieldsOf(' customer.id \n\nitems.sku\n')).toEqual(['customer.id', 'items.sku']);
  expect(fieldsOf(' \n')).toBeNull();
});
