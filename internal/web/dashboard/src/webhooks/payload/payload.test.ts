import { expect, test } from 'vitest';
import { contentTypeOf, fieldsOf, templateText } from './payload';

// Blank lines are no paths, and no path means all of the data.
test('paths are read one per line', () => {
  expect(fieldsOf(' customer.id \n\nitems.sku\n')).toEqual(['customer.id', 'items.sku']);
  expect(fieldsOf(' \n')).toBeNull();
});

test('a stored template is its text, and none is empty', () => {
  expect(templateText('{"n":1.50}')).toBe('{"n":1.50}');
  expect(templateText('null')).toBe('');
  expect(templateText(null)).toBe('');
});

test('the content type is found whatever its case', () => {
  expect(
    contentTypeOf([
      { name: 'Ce-Id', value: 'x' },
      { name: 'Content-Type', value: 'application/json' },
    ]),
  ).toBe('application/json');
  expect(contentTypeOf([])).toBe('');
});
