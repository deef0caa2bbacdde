import { expect, test } from 'vitest';
import type { Media, Page } from '../api/types';
import { applyEvent } from './feed';

const media = (id: string, change: Partial<Media> = {}) =>
  ({ id, filename: `${id}.jpg`, status: 'pending', ...change }) as Media;
const pages = (...ids: string[][]): Page<Media>[] =>
  ids.map((some) => ({ items: some.map((id) => media(id)), next_cursor: null }));
const ids = (list: Page<Media>[]) => list.map((page) => page.items.map((item) => item.id));
const ANY = { status: '', q: '' } as const;

test('a new photo comes first, once', () => {
  const event = { type: 'created', media: media('c') } as const;
  const once = applyEvent(pages(['b'], ['a']), ANY, event);
  expect(ids(once)).toEqual([['c', 'b'], ['a']]);
  expect(ids(applyEvent(once, ANY, event))).toEqual([['c', 'b'], ['a']]);
});

test('a photo not loaded yet does not jump to the front when it changes', () => {
  const event = { type: 'changed', media: media('old', { status: 'completed' }) } as const;
  expect(ids(applyEvent(pages(['b']), ANY, event))).toEqual([['b']]);
});

test('a change shows in its place and keeps the order', () => {
  const changed = media('a', { status: 'completed', face_count: 2 });
  const after = applyEvent(pages(['b', 'a', 'c']), ANY, { type: 'changed', media: changed });
  expect(ids(after)).toEqual([['b', 'a', 'c']]);
  expect(after[0]?.items[1]).toBe(changed);
});

test('with a status asked for, photos enter and leave as they change', () => {
  const filter = { status: 'completed', q: '' } as const;
  const entered = applyEvent(pages([]), filter, {
    type: 'changed',
    media: media('a', { status: 'completed' }),
  });
  expect(ids(entered)).toEqual([['a']]);
  const left = applyEvent(entered, filter, { type: 'changed', media: media('a', { status: 'processing' }) });
  expect(ids(left)).toEqual([[]]);
});

test('a name that does not fit stays out, whatever its case', () => {
  const event = { type: 'created', media: media('x', { filename: 'IMG_7.JPG' }) } as const;
  expect(ids(applyEvent(pages(['a']), { status: '', q: 'beach' }, event))).toEqual([['a']]);
  expect(ids(applyEvent(pages(['a']), { status: '', q: 'img_7' }, event))).toEqual([['x', 'a']]);
});

test('a deleted photo goes', () => {
  expect(ids(applyEvent(pages(['b'], ['a']), ANY, { type: 'deleted', id: 'a' }))).toEqual([['b'], []]);
});
