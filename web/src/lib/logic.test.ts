import { expect, test } from 'vitest';
import type { Media } from '../api/schema.gen';
import { marksOf } from '../components/threshold';
import { forAll } from './actions';
import { requestOf } from './erasing';
import { fieldsOf, type OpenApi, routesByTag, typeOf } from './openapi';
import { groupByMedia, type Hit, photoAddress, thresholdOf } from './searching';
import { selectTo } from './selection';
import { SLOT_MS, Throughput } from './throughput';
import { readWatched, writeWatched } from './watched';

const A = '0190a1b2-0000-4000-8000-00000000000a';
const B = '0190a1b2-0000-4000-8000-00000000000b';

test('results are grouped by picture, in the order of the best face', () => {
  const hit = (media: string, cosine: number) => ({ media: { id: media } as Media, cosine }) as Hit;
  const groups = groupByMedia([hit('b', 0.9), hit('a', 0.8), hit('b', 0.7)]);
  expect(groups.map(({ media, hits }) => [media.id, hits.map((one) => one.cosine)])).toEqual([
    ['b', [0.9, 0.7]],
    ['a', [0.8]],
  ]);
});

test('a threshold is one that the slider has, whatever the address says', () => {
  const read = (written: string | null) => thresholdOf(written, 0.4, 0.3);
  expect([null, '', 'odd', '7', '-3', '0.1', '0.5'].map(read)).toEqual([0.4, 0.4, 0.4, 1, 0.3, 0.3, 0.5]);
});

test('another picture is searched with the filters of the one before', () => {
  const at = (pathname: string, search: string) => photoAddress({ pathname, search });
  expect(at('/search', `?face=${A}&min_quality=0.8&min=0.5`)).toBe('/search?min_quality=0.8&min=0.5');
  expect(at('/search', `?face=${A}`)).toBe('/search');
  expect(at(`/search/saved/${A}`, '?min=0.5')).toBe('/search');
  expect(at('/', '?collection=family')).toBe('/search');
});

test('a mark of the threshold that no value is left for is not there', () => {
  const marks = (least: number) => marksOf({ likely: 0.3, match: 0.45 }, least).map(([name]) => name);
  expect(marks(0)).toEqual(['weak', 'likely', 'match']);
  expect(marks(0.3)).toEqual(['likely', 'match']);
  expect(marks(0.4)).toEqual(['likely', 'match']);
  expect(marks(0.5)).toEqual(['match']);
});

test('with Shift, all between are selected; without, one is turned', () => {
  const ids = ['a', 'b', 'c', 'd'];
  expect([...selectTo(ids, new Set(['a']), 'c', 'a')]).toEqual(['a', 'b', 'c']);
  expect([...selectTo(ids, new Set(['d']), 'b', 'd')].sort()).toEqual(['b', 'c', 'd']);
  expect([...selectTo(ids, new Set(['b']), 'b', null)]).toEqual([]);
  expect([...selectTo(ids, new Set(), 'b', 'gone')]).toEqual(['b']);
});

test('throughput counts what ended in the last minute, and survives gaps and tidying', () => {
  const rate = new Throughput();
  const start = 1_000_000 * SLOT_MS;
  rate.record(start, { done: 100, failed: 5, queued: 50 });
  rate.record(start + SLOT_MS, { done: 110, failed: 6 });
  expect(rate.perMinute(start + SLOT_MS)).toBe(11);
  rate.record(start + 3 * SLOT_MS, { done: 120, failed: 6 }); // one was missed
  expect(rate.slots(start + 3 * SLOT_MS).slice(-3)).toEqual([11, 5, 5]);
  rate.record(start + 4 * SLOT_MS, { done: 3, failed: 0 }); // old ones were forgotten
  expect(rate.perMinute(start + 4 * SLOT_MS)).toBe(21);
  expect(rate.perMinute(start + 40 * SLOT_MS)).toBe(0);
});

test('throughput counts what ends in the slot of the first count', () => {
  const rate = new Throughput();
  rate.record(10, { done: 100 });
  rate.record(20, { done: 113 });
  expect(rate.perMinute(30)).toBe(13);
});

test('throughput knows what ended before the first count, once', () => {
  const rate = new Throughput();
  const start = 1_000_000 * SLOT_MS + 3000;
  rate.remember([start - 4 * SLOT_MS, start - 1000, start + 1000, start - 100 * SLOT_MS]);
  rate.record(start, { done: 100 });
  rate.record(start + 1500, { done: 101 });
  expect(rate.perMinute(start + 1500)).toBe(3);
  expect(rate.slots(start + 1500).slice(-5)).toEqual([1, 0, 0, 0, 2]);
});

test('ids to erase are found in addresses, once each', () => {
  const value = `http://127.0.0.1:8080/media/${A}?face=1\n${A.toUpperCase()} ${B}`;
  expect(requestOf({ kind: 'media', value })).toEqual({ media_ids: [A, B] });
  const faces = `/search?face=${A}&min=0.5, http://x/v1/faces/${B}/image`;
  expect(requestOf({ kind: 'face', value: faces })).toEqual({ face_ids: [A, B] });
  expect(requestOf({ kind: 'face', value: '\n' })).toEqual({ face_ids: [] });
  expect(requestOf({ kind: 'collection', value: 'family' })).toEqual({ collections: ['family'] });
});

test('watched faces are written one a line and read back', () => {
  const faces = [
    { face_id: A, threshold: null },
    { face_id: B, threshold: 0.42 },
  ];
  expect(readWatched(writeWatched(faces))).toEqual(faces);
  expect(readWatched(`http://x/media/${B}?face=${A}\n\n`)).toEqual([{ face_id: A, threshold: null }]);
});

test('a line that names nothing of its kind is refused, not left out', () => {
  const line2 = 'Line 2 cannot be read';
  for (const line of ['nonsense', `${B}0`, `x${B}`, `/media/${B}`]) {
    expect(() => requestOf({ kind: 'face', value: `${A}\n${line}` })).toThrow(`${line2}: ${line}`);
    expect(() => readWatched(`${A}\n ${line} 0.4 `)).toThrow(`${line2}: ${line} 0.4`);
  }
  expect(() => requestOf({ kind: 'media', value: `${A} nonsense` })).toThrow('Line 1');
  for (const threshold of ['7', '0,4', 'half', '0.4 0.5']) {
    expect(() => readWatched(`${A}\n${B} ${threshold}`)).toThrow(line2);
  }
});

test('work on many runs for all, and an error is told at the end', async () => {
  const done: number[] = [];
  const work = async (n: number) => {
    if (n === 2) throw new Error('two');
    done.push(n);
  };
  await expect(forAll([1, 2, 3, 4, 5, 6], work)).rejects.toThrow('two');
  expect(done.sort()).toEqual([1, 3, 4, 5, 6]);
});

test('a description is sorted by tags, references resolved', () => {
  const api: OpenApi = {
    info: { title: 'x', version: '1' },
    tags: [{ name: 'two' }, { name: 'one' }],
    paths: {
      '/a/{id}': {
        parameters: [{ $ref: '#/components/parameters/Id', name: '', in: '' }],
        get: { tags: ['one'] },
      } as OpenApi['paths'][string],
    },
    components: {
      parameters: { Id: { name: 'id', in: 'path', required: true } },
      schemas: {
        Base: { type: 'object', properties: { id: { type: 'string' } } },
        More: {
          allOf: [{ $ref: '#/components/schemas/Base' }],
          required: ['id'],
          properties: { n: { type: ['integer', 'null'], minimum: 1, maximum: 5 } },
        },
      },
    },
  };
  const routes = routesByTag(api);
  expect([...routes.keys()]).toEqual(['two', 'one']);
  expect(routes.get('one')?.[0]).toMatchObject({ method: 'get', parameters: [{ name: 'id', in: 'path' }] });
  const fields = fieldsOf(api, { $ref: '#/components/schemas/More' });
  expect(fields.map(({ name, type, required }) => [name, type, required])).toEqual([
    ['id', 'string', true],
    ['n', 'integer | null, 1 – 5', false],
  ]);
  expect(typeOf({ type: 'array', items: { $ref: '#/components/schemas/Base' } })).toBe('Base[]');
});
