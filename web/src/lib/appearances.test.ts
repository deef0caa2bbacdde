import { expect, test } from 'vitest';
import type { AppearanceDetail, Face, Media, Person } from '../api/schema.gen';
import { faceAddress, firstOf, isMoving, lanesOf, momentOf, placeAt, ticksOf } from './appearances';
import { setLanguage } from './i18n';

const VIDEO = { width: 1000, height: 500, frame_rate: 25, media_type: 'video', duration_ms: 9000 } as Media;
/** Two stretches; in the first the box goes 100 to the right and grows. */
const PATH = [
  [
    [1000, 100, 50, 200, 150],
    [2000, 200, 50, 300, 150],
    [3000, 200, 50, 400, 250],
  ],
  [[5000, 0, 0, 100, 100]],
];

function appearance(id: string, lane: number, start: number, change: Partial<Face> = {}): AppearanceDetail {
  const face = {
    id,
    person_id: null,
    quality: { score: 0.5, reasons: [] },
    appearance: { start_ms: start, end_ms: start + 500, best_ms: start, frame_number: 0 },
    ...change,
  };
  return { face: face as unknown as Face, lane, path: [], exemplars: [] };
}

test('between two points of a stretch the box moves evenly', () => {
  expect(placeAt(PATH, 1000, VIDEO)).toEqual({ left: 0.1, top: 0.1, width: 0.1, height: 0.2 });
  expect(placeAt(PATH, 1250, VIDEO)?.left).toBeCloseTo(0.125);
  expect(placeAt(PATH, 2000, VIDEO)?.left).toBeCloseTo(0.2);
  const grown = placeAt(PATH, 2500, VIDEO);
  expect(grown?.width).toBeCloseTo(0.15);
  expect(grown?.height).toBeCloseTo(0.3);
});

test('a face is not drawn where it is not seen, and holds as long as its last frame stays', () => {
  for (const ms of [0, 999, 3040, 4000, 4999, 5040]) expect(placeAt(PATH, ms, VIDEO), `${ms}`).toBeNull();
  expect(placeAt(PATH, 3039, VIDEO)).toEqual(placeAt(PATH, 3000, VIDEO));
  expect(placeAt(PATH, 5039, VIDEO)).toEqual({ left: 0, top: 0, width: 0.1, height: 0.2 });
  expect(placeAt([], 1000, VIDEO)).toBeNull();
  expect(placeAt(PATH, 1000, { ...VIDEO, width: null })).toBeNull();
});

test('in a long stretch the right two points are found', () => {
  const long = [Array.from({ length: 5001 }, (_, i) => [i * 40, i, 0, i + 10, 10])];
  const wide = { ...VIDEO, width: 10_000 };
  for (const ms of [0, 20, 39_990, 100_001, 199_999, 200_000]) {
    expect(placeAt(long, ms, wide)?.left).toBeCloseTo(ms / 40 / 10_000, 10);
  }
});

test('appearances of one lane are together; a name given to one is that of the lane', () => {
  setLanguage('en');
  const people = [{ id: 'p1', name: 'Anna' }] as Person[];
  const lanes = lanesOf(
    [
      appearance('d', 1, 900),
      appearance('c', 0, 4000, { person_id: 'p1' }),
      appearance('a', 0, 100, { quality: { score: 0.9, reasons: [] } as unknown as Face['quality'] }),
      appearance('e', 2, 700, { person_id: 'unknown' }),
    ],
    people,
  );
  expect(lanes.map(({ name, items }) => [name, ...items.map(({ face }) => face.id)])).toEqual([
    ['Anna', 'a', 'c'],
    ['Person 2', 'd'],
    ['Person 3', 'e'],
  ]);
  expect(lanes[0]?.best.id).toBe('a');
  expect(firstOf(lanes, 3).map(({ items }) => items.length)).toEqual([2, 1]);
  expect(firstOf(lanes, 1).map(({ items }) => items.length)).toEqual([1]);
  expect(lanesOf([], people)).toEqual([]);
});

test('the address of a moment is read as it was written', () => {
  const { face } = appearance('f', 0, 12_345);
  const address = faceAddress('m', face, true);
  expect(address).toBe('/media/m?face=f&t=12.345&play=1');
  expect(momentOf(new URLSearchParams(address.split('?')[1]))).toBe(12_345);
  expect(faceAddress('m', { ...face, appearance: null }, true)).toBe('/media/m?face=f');
  expect(momentOf(new URLSearchParams('t=0'))).toBe(0);
  for (const wrong of ['', 't=', 't=x', 't=-1', 't=Infinity']) {
    expect(momentOf(new URLSearchParams(wrong)), wrong).toBeNull();
  }
});

test('videos and pictures that move have a timeline', () => {
  expect(isMoving({ ...VIDEO, duration_ms: null })).toBe(true); // not analysed yet
  expect(isMoving({ ...VIDEO, media_type: 'image' })).toBe(true);
  expect(isMoving({ ...VIDEO, media_type: 'image', duration_ms: null })).toBe(false);
});

test('a scale has few and round times', () => {
  expect(ticksOf(1500, 8)).toEqual([0, 500, 1000, 1500]);
  expect(ticksOf(9176, 8)).toEqual([0, 2000, 4000, 6000, 8000]);
  expect(ticksOf(3_600_000, 8)).toEqual([0, 600, 1200, 1800, 2400, 3000, 3600].map((s) => s * 1000));
  for (const hours of [2, 11, 24, 500]) expect(ticksOf(hours * 3_600_000, 8).length).toBeLessThanOrEqual(9);
});
