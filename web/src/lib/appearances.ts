import type { AppearanceDetail, Box, Face, Media, Person } from '../api/schema.gen';
import { count } from './format';
import { t } from './i18n';

export type Place = Box['normalized'];

/** The people of a moving picture: those that seem to be one are together. */
export interface Lane {
  number: number;
  person: Person | null;
  /** Of the person, or a number. */
  name: string;
  /** The face that was seen best. */
  best: Face;
  items: [AppearanceDetail, ...AppearanceDetail[]]; // by start
}

export const isMoving = (media: Media) => media.media_type === 'video' || media.duration_ms !== null;

/** How many faces, in words: in time, one is seen again and again. */
export const facesOf = (media: Media) =>
  count(media.face_count, isMoving(media) ? 'count.appearances' : 'count.faces');

/** How long a frame stays, in milliseconds. */
export const frameTime = ({ frame_rate }: Media) => 1000 / (frame_rate || 25);

/** Where a face was seen in a medium: the address of its page at that moment. */
export function faceAddress(mediaId: string, { id, appearance }: Face, play = false): string {
  const moment = appearance ? `&t=${appearance.start_ms / 1000}${play ? '&play=1' : ''}` : '';
  return `/media/${mediaId}?face=${id}${moment}`;
}

/** The milliseconds that "t" of an address names in seconds; null for what is no time. */
export function momentOf(params: URLSearchParams): number | null {
  const written = params.get('t');
  const seconds = Number(written || NaN);
  return seconds >= 0 && Number.isFinite(seconds) ? Math.round(seconds * 1000) : null;
}

/** The last point at or before `ms`, of points by time of which the first is not after it. */
function pointBefore(points: readonly number[][], ms: number): number {
  let low = 0;
  let high = points.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((points[middle]?.[0] ?? 0) <= ms) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * Where the face of an appearance is at `ms`, in parts of the picture; null while it is not seen. Between two
 * points of a stretch the box moves evenly; the last one holds as long as its frame stays.
 */
export function placeAt(path: AppearanceDetail['path'], ms: number, media: Media): Place | null {
  const { width, height } = media;
  if (!width || !height) return null;
  const holds = frameTime(media) - 1; // both times are rounded
  const stretch = path.find((points) => {
    const [first, last] = [points[0]?.[0], points.at(-1)?.[0]];
    return first !== undefined && last !== undefined && first <= ms && ms <= last + holds;
  });
  if (!stretch) return null;
  const index = pointBefore(stretch, ms);
  const from = stretch[index];
  if (!from) return null;
  const to = stretch[index + 1] ?? from;
  const [start = 0, end = 0] = [from[0], to[0]];
  const share = end > start ? (ms - start) / (end - start) : 0;
  const at = (i: number) => (from[i] ?? 0) + ((to[i] ?? 0) - (from[i] ?? 0)) * share;
  return {
    left: at(1) / width,
    top: at(2) / height,
    width: (at(3) - at(1)) / width,
    height: (at(4) - at(2)) / height,
  };
}

export const spanOf = ({ face }: AppearanceDetail) => {
  const { start_ms: start = 0, end_ms: end = 0 } = face.appearance ?? {};
  return { start, end };
};

/** By lane, in the order of the lanes' numbers. A name given to one appearance is that of its lane. */
export function lanesOf(appearances: readonly AppearanceDetail[], people: readonly Person[]): Lane[] {
  const byNumber = new Map<number, Lane>();
  const sorted = [...appearances].sort((a, b) => spanOf(a).start - spanOf(b).start);
  for (const item of sorted) {
    const person = people.find(({ id }) => id === item.face.person_id) ?? null;
    const lane = byNumber.get(item.lane);
    if (lane) {
      lane.items.push(item);
      lane.person ??= person;
      if (item.face.quality.score > lane.best.quality.score) lane.best = item.face;
    } else {
      byNumber.set(item.lane, { number: item.lane, person, name: '', best: item.face, items: [item] });
    }
  }
  const lanes = [...byNumber.values()].sort((a, b) => a.number - b.number);
  for (const lane of lanes) {
    lane.name = lane.person?.name ?? t('video.person', { n: lane.number + 1 });
  }
  return lanes;
}

/** As many appearances as `limit`, lane by lane. */
export function firstOf(lanes: readonly Lane[], limit: number) {
  const some: { lane: Lane; items: AppearanceDetail[] }[] = [];
  for (const lane of lanes) {
    const left = limit - some.reduce((sum, { items }) => sum + items.length, 0);
    if (left <= 0) break;
    some.push({ lane, items: lane.items.slice(0, left) });
  }
  return some;
}

const COLOURS = 8; // in styles.css
export const laneColour = ({ number }: Lane) => `var(--lane-${number % COLOURS})`;

const STEPS_S = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400];

/** Round times for a scale over `duration` milliseconds, `most` at most, from 0 on. */
export function ticksOf(duration: number, most: number): number[] {
  const fits = (step: number) => duration / (step * 1000) <= most;
  const step = 1000 * (STEPS_S.find(fits) ?? Math.ceil(duration / most / 1000));
  return Array.from({ length: Math.floor(duration / step) + 1 }, (_, i) => i * step);
}
