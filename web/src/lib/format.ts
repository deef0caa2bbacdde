import { language, t, type TextKey } from './i18n';

export const number = (n: number, digits = 0) =>
  new Intl.NumberFormat(language(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(
    n,
  );

export const percent = (fraction: number) =>
  new Intl.NumberFormat(language(), { style: 'percent', maximumFractionDigits: 0 }).format(fraction);

/** A cosine, cut rather than rounded: what is below a level never reads as if it reached it. */
export const cosine = (value: number) => number(Math.floor(value * 1000 + 1e-6) / 1000, 3);

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

export function bytes(n: number): string {
  let unit = 0;
  let value = n;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${number(value, unit === 0 || value >= 99.95 ? 0 : 1)} ${UNITS[unit]}`;
}

/** A size as Redis writes it, "1.03M", as all others are; what is none stays as it came. */
export function bytesOf(written: string): string {
  const parts = /^([\d.]+)([BKMGT]?)$/.exec(written);
  const unit = 'BKMGT'.indexOf(parts?.[2] || 'B');
  return parts ? bytes(Number(parts[1]) * 1024 ** unit) : written;
}

export const dateTime = (iso: string) =>
  new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(iso));

export const date = (iso: string) =>
  new Intl.DateTimeFormat(language(), { dateStyle: 'medium' }).format(new Date(iso));

export const isPast = (iso: string | null) => iso !== null && Date.parse(iso) < Date.now();

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['second', 60],
  ['minute', 60],
  ['hour', 24],
  ['day', 30],
];

/** "5 minutes ago"; null when it is so long ago that the date says more. */
export function ago(iso: string, now = Date.now()): string | null {
  let value = (new Date(iso).getTime() - now) / 1000;
  for (const [unit, next] of STEPS) {
    if (Math.abs(value) < next) {
      return new Intl.RelativeTimeFormat(language(), { numeric: 'auto' }).format(Math.trunc(value), unit);
    }
    value /= next;
  }
  return null;
}

export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${number(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${number(seconds, seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${number(seconds / 60)} min`;
  return `${number(seconds / 3600, 1)} h`;
}

/** A time of a video: 0:12, 1:02:03; with a tenth of a second on request. Cut, as players show it. */
export function clock(milliseconds: number, tenths = false): string {
  const seconds = Math.floor(milliseconds / 1000);
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const written = `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`;
  if (!tenths) return written;
  return written + (language() === 'de' ? ',' : '.') + (Math.floor(milliseconds / 100) % 10);
}

/** Both ends as clock times, to the tenth when they would read the same. */
export function clocks(start: number, end: number): { from: string; to: string } {
  const tenths = clock(start) === clock(end);
  return { from: clock(start, tenths), to: clock(end, tenths) };
}

/** "0:12 – 0:20" */
export const clockSpan = (start: number, end: number) => {
  const { from, to } = clocks(start, end);
  return `${from} – ${to}`;
};

type Counted = Extract<TextKey, `count.${string}`>;
export const count = (n: number, what: Counted) => t(what, { n });
