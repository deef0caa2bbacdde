import { expect, test } from 'vitest';
import type { Media } from '../api/schema.gen';
import { applyEvent, type Page } from './feed';
import { ALL_MEDIA } from './filters';

const media = (id: string, change: Partial<Media> = {}) =>
  ({
    id,
    filename: `${id}.jpg`,
    status: 'pending',
    media_type: 'image',
    collection: 'default',
    path: null,
    taken_at: '2026-05-01T12:00:00Z',
    ...change,
  }) as Media;
const pages = (...ids: string[][]): Page<Media>[] =>
  ids.map((some) => ({ items: some.map((id) => media(id)), next_cursor: null }));
const ids = (list: Page<Media>[] | null) => list?.map((page) => page.items.map((item) => item.id));
const ANY = ALL_MEDIA;

test('a new photo comes first, once', () => {
  const event = { type: 'created', media: media('c') } as const;
  const once = applyEvent(pages(['b'], ['a']), ANY, event) ?? [];
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
  expect(after?.[0]?.items[1]).toBe(changed);
});

test('with a status asked for, photos enter and leave as they change', () => {
  const filter = { ...ANY, status: 'completed' };
  const done = { type: 'changed', media: media('a', { status: 'completed' }) } as const;
  const entered = applyEvent(pages([]), filter, done) ?? [];
  expect(ids(entered)).toEqual([['a']]);
  const left = applyEvent(entered, filter, { type: 'changed', media: media('a', { status: 'processing' }) });
  expect(ids(left)).toEqual([[]]);
});

test('a name that does not fit stays out, whatever its case', () => {
  const event = { type: 'created', media: media('x', { filename: 'IMG_7.JPG' }) } as const;
  expect(ids(applyEvent(pages(['a']), { ...ANY, q: 'beach' }, event))).toEqual([['a']]);
  expect(ids(applyEvent(pages(['a']), { ...ANY, q: 'img_7' }, event))).toEqual([['x', 'a']]);
});

test('a deleted photo goes', () => {
  expect(ids(applyEvent(pages(['b'], ['a']), ANY, { type: 'deleted', id: 'a' }))).toEqual([['b'], []]);
});

test.each([
  [{ collection: 'family' }, { collection: 'family' }, true],
  [{ collection: 'family,work' }, { collection: 'work' }, true],
  [{ collection: 'family' }, {}, false],
  [{ media_type: 'video' }, {}, false],
  [{ path: '/photos/2026' }, { path: '/photos/2026/a.jpg' }, true],
  [{ path: '/photos/2026' }, { path: null }, false],
  [{ taken_from: '2026-05-01' }, {}, true],
  [{ taken_from: '2026-05-03' }, {}, false],
  [{ taken_to: '2026-05-03' }, {}, true],
  [{ taken_to: '2026-04-29' }, {}, false],
])('filter %j, new media %j: comes in %s', (filter, change, comes) => {
  const event = { type: 'created', media: media('x', change) } as const;
  expect(ids(applyEvent(pages(['a']), { ...ANY, ...filter }, event))).toEqual([comes ? ['x', 'a'] : ['a']]);
});

test('where a new one belongs is asked for when the order or the person decides', () => {
  const event = { type: 'created', media: media('x') } as const;
  expect(applyEvent(pages(['a']), { ...ANY, sort: 'name' }, event)).toBeNull();
  expect(applyEvent(pages(['a']), { ...ANY, person_id: 'p' }, event)).toBeNull();
});
