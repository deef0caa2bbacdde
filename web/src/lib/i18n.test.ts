import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { TEXTS } from '../texts';
import { bytes, bytesOf, ago, clock, clocks, clockSpan, cosine, count } from './format';
import { type Entry, known, named, setLanguage, t } from './i18n';

afterEach(() => setLanguage('en'));

const forms = (text: Entry[number]) => (typeof text === 'string' ? [text] : [text.one, text.other]);
const placeholders = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

test.each(Object.entries(TEXTS))('%s says the same in both languages', (_, entry: Entry) => {
  const [en, de] = entry;
  for (const text of [...forms(en), ...forms(de)]) expect(text.trim()).not.toBe('');
  expect(typeof en).toBe(typeof de);
  expect(forms(de).map(placeholders)).toEqual(forms(en).map(placeholders));
});

test('every text is shown somewhere', () => {
  const root = new URL('..', import.meta.url).pathname;
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.startsWith('texts') && !name.includes('.test.'))
    .map((name) => readFileSync(`${root}/${name}`, 'utf8'))
    .join('\n');
  const made = [...sources.matchAll(/`([\w.]+\.)\$\{|(?:named|known)\('([\w.]+)'/g)].map(
    ([, written, of]) => written ?? `${of}.`,
  );
  const unused = Object.keys(TEXTS).filter(
    (key) => !sources.includes(`'${key}'`) && !made.some((prefix) => key.startsWith(prefix)),
  );
  expect(unused).toEqual([]);
});

test('one is one, all else is many, and numbers are written as the language does', () => {
  expect([0, 1, 2, 1234].map((n) => count(n, 'count.faces'))).toEqual([
    '0 faces',
    '1 face',
    '2 faces',
    '1,234 faces',
  ]);
  setLanguage('de');
  expect([1, 1234].map((n) => count(n, 'count.faces'))).toEqual(['1 Gesicht', '1.234 Gesichter']);
  expect(t('search.start_among', { n: 551 })).toMatch(/ unter 551 Gesichtern\.$/);
});

test('values are put in as they are, markup and braces too', () => {
  expect(t('select.one', { name: '<b>{n}</b> $& .jpg' })).toBe('Select <b>{n}</b> $& .jpg');
});

test('a name that the table does not know is still readable', () => {
  expect(named('reason', 'low_score')).toBe('uncertain detection');
  expect(named('reason', 'behind_glass')).toBe('behind glass');
  expect(known('receipt.check', 'vectors in memory')).toBe('vectors in memory');
  setLanguage('de');
  expect(known('receipt.check', 'vectors in memory')).toBe('Vektoren im Speicher');
  expect(known('receipt.check', 'tape_backups')).toBe('tape_backups');
  expect(known('receipt.how', 'files outside the library', '', { n: 1 })).toContain('1 der Dateien wurde ');
  expect(known('receipt.how', 'files outside the library', '', { n: 2 })).toContain('2 der Dateien wurden ');
});

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
  setLanguage('de');
  expect(bytes(1549)).toBe('1,5 kB');
  expect(['1.03M', '512', '2K', 'much'].map(bytesOf)).toEqual(['1,1 MB', '512 B', '2,0 kB', 'much']);
});

test('a cosine is cut, so that none reads as if it reached a level', () => {
  expect([0.44996, 0.45, 0.4, 1].map(cosine)).toEqual(['0.449', '0.450', '0.400', '1.000']);
});

test('times of a video are cut to the second, and told to the tenth where they would read the same', () => {
  expect([0, 999, 12_999, 60_000, 3_599_999].map((ms) => clock(ms))).toEqual([
    '0:00',
    '0:00',
    '0:12',
    '1:00',
    '59:59',
  ]);
  expect(clock(3_723_000)).toBe('1:02:03');
  expect(clock(36_000_000)).toBe('10:00:00');
  expect(clock(1950, true)).toBe('0:01.9');
  expect(clockSpan(12_000, 20_900)).toBe('0:12 – 0:20');
  expect(clocks(300, 967)).toEqual({ from: '0:00.3', to: '0:00.9' });
  setLanguage('de');
  expect(clockSpan(300, 967)).toBe('0:00,3 – 0:00,9');
});

test('times are near or dates', () => {
  const now = Date.parse('2026-05-01T12:00:00Z');
  expect(ago('2026-05-01T11:59:30Z', now)).toBe('30 seconds ago');
  expect(ago('2026-05-01T09:00:00Z', now)).toBe('3 hours ago');
  expect(ago('2026-04-30T11:00:00Z', now)).toBe('yesterday');
  expect(ago('2025-05-01T12:00:00Z', now)).toBeNull();
});
