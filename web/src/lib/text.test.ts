import { expect, test } from 'vitest';
import { bytes, count, reasonText } from './text';

test('sizes are short and never read 1000 of a unit', () => {
  expect([0, 999, 1000, 1549, 99_449, 99_950, 999_499, 999_500, 5e9].map(bytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '1.5 kB',
    '99.4 kB',
    '100 kB',
    '999 kB',
    '1.0 MB',
    '5.0 GB',
  ]);
});

test('one is one, all else is many', () => {
  expect([0, 1, 2, 1234].map((n) => count(n, 'face'))).toEqual([
    '0 faces',
    '1 face',
    '2 faces',
    '1,234 faces',
  ]);
});

test('an unknown reason is still readable', () => {
  expect(reasonText('low_score')).toBe('uncertain detection');
  expect(reasonText('behind_glass')).toBe('behind glass');
});
