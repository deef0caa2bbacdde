import { expect, test } from 'vitest';
import { ALL_MEDIA, apiMediaFilter, isNarrowed, readFilter, writeFilter } from './filters';

test('an address is read and written without loss, and other parameters stay', () => {
  const params = new URLSearchParams('face=1&status=failed');
  const next = writeFilter(params, { q: 'a & b', status: '', path: '/x y' });
  expect(next.get('face')).toBe('1');
  expect(readFilter(ALL_MEDIA, next)).toEqual({ ...ALL_MEDIA, q: 'a & b', path: '/x y' });
});

test('what an address cannot mean is not asked for', () => {
  const odd = { ...ALL_MEDIA, status: 'odd', sort: 'size', media_type: 'sound', taken_from: 'May' };
  expect(Object.values(apiMediaFilter(odd)).every((value) => value === undefined)).toBe(true);
});

test('days are of the local calendar, the last one included', () => {
  const { taken_from, taken_to } = apiMediaFilter({
    ...ALL_MEDIA,
    taken_from: '2026-02-28',
    taken_to: '2026-02-28',
  });
  expect(taken_from).toBe(new Date(2026, 1, 28).toISOString());
  expect(taken_to).toBe(new Date(2026, 2, 1).toISOString());
  expect(taken_from).toMatch(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$/);
});

test('an order narrows nothing', () => {
  expect(isNarrowed({ ...ALL_MEDIA, sort: 'name' })).toBe(false);
  expect(isNarrowed({ ...ALL_MEDIA, path: '/x' })).toBe(true);
});
