import type { MatchLevel, MediaStatus } from '../api/types';

export const count = (n: number, one: string, many = `${one}s`) =>
  `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = n;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

const LEVELS: Record<MatchLevel, string> = {
  match: 'Same person',
  likely: 'Likely',
  weak: 'Weak resemblance',
};
export const levelText = (level: MatchLevel) => LEVELS[level];

const STATUS: Record<MediaStatus, string> = {
  pending: 'Waiting',
  processing: 'Looking for faces',
  completed: 'Done',
  failed: 'Failed',
};
export const statusText = (status: MediaStatus) => STATUS[status];

const REASONS: Record<string, string> = {
  small: 'small',
  blurred: 'blurred',
  dark: 'dark',
  bright: 'overexposed',
  turned: 'turned away',
  low_score: 'uncertain detection',
  cut_off: 'cut off by the edge',
};
export const reasonText = (reason: string) => REASONS[reason] ?? reason.replaceAll('_', ' ');
