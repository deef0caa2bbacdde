import { useSearchParams } from 'wouter';
import type { MediaStatus, MediaType } from '../api/schema.gen';

export const STATUSES: MediaStatus[] = ['pending', 'processing', 'completed', 'failed'];
export const MEDIA_TYPES: MediaType[] = ['image', 'video'];
export const SORTS = [
  '-created_at',
  'created_at',
  '-taken_at',
  'taken_at',
  'name',
  '-name',
  'bytes',
  '-bytes',
] as const;
export type Sort = (typeof SORTS)[number];

/** What narrows the library and the search alike; '' is no narrowing. Days are of the local calendar. */
export interface Filter {
  collection: string;
  media_type: string;
  path: string;
  person_id: string;
  taken_from: string; // 2026-05-01
  taken_to: string; // this day included
}

export interface MediaFilter extends Filter {
  status: string;
  q: string;
  sort: string;
}

export const NO_FILTER: Filter = {
  collection: '',
  media_type: '',
  path: '',
  person_id: '',
  taken_from: '',
  taken_to: '',
};
export const ALL_MEDIA: MediaFilter = { ...NO_FILTER, status: '', q: '', sort: '' };

const one = <T extends string>(values: readonly T[], wanted: string): T | undefined =>
  values.find((value) => value === wanted);

/** Midnight at which the day begins (or, `after` days later); undefined for what is no day. */
export function midnight(day: string, after: number): string | undefined {
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day);
  if (!parts) return undefined;
  const [year, month, date] = parts.slice(1).map(Number);
  const at = new Date(year ?? 0, (month ?? 1) - 1, (date ?? 1) + after);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

/** As the parameters of the API; unknown values, which an address may hold, are left out. */
export const apiFilter = (filter: Filter) => ({
  collection: filter.collection || undefined,
  media_type: one(MEDIA_TYPES, filter.media_type),
  path: filter.path || undefined,
  person_id: filter.person_id || undefined,
  taken_from: midnight(filter.taken_from, 0),
  taken_to: midnight(filter.taken_to, 1),
});

export const apiMediaFilter = (filter: MediaFilter) => ({
  ...apiFilter(filter),
  status: one(STATUSES, filter.status),
  q: filter.q || undefined,
  sort: one(SORTS, filter.sort),
});

export function readFilter<F extends object>(empty: F, params: URLSearchParams): F {
  return Object.fromEntries(Object.keys(empty).map((name) => [name, params.get(name) ?? ''])) as F;
}

/** The parameters after a change; '' takes one away. Others are left alone. */
export function writeFilter(params: URLSearchParams, change: object): URLSearchParams {
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(change)) {
    if (value) next.set(name, String(value));
    else next.delete(name);
  }
  return next;
}

export const isNarrowed = (filter: object) =>
  Object.entries(filter).some(([name, value]) => name !== 'sort' && value !== '');

/** The filter that the address of the page holds. */
export function useFilter<F extends object>(empty: F): [F, (change: Partial<F>) => void] {
  const [params, setParams] = useSearchParams();
  const change = (some: Partial<F>) => setParams((old) => writeFilter(old, some), { replace: true });
  return [readFilter(empty, params), change];
}
