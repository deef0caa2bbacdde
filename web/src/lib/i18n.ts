import { TEXTS } from '../texts';
import { cell } from './cell';
import { readStored, writeStored } from './storage';

/** A text in both languages; `n` chooses between the forms where there are two. */
export type Forms = { one: string; other: string };
export type Entry = readonly [en: string, de: string] | readonly [en: Forms, de: Forms];

export const LANGUAGES = { en: 'English', de: 'Deutsch' } as const;
export type Language = keyof typeof LANGUAGES;

export type TextKey = keyof typeof TEXTS;
type Names<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type English<K extends TextKey> = (typeof TEXTS)[K][0];
type Written<K extends TextKey> = English<K> extends { other: infer Other } ? Other | '{n}' : English<K>;
type Values<K extends TextKey> = { [Name in Names<Written<K>>]: Name extends 'n' ? number : string | number };
type Args<K extends TextKey> = [Names<Written<K>>] extends [never] ? [] : [values: Values<K>];

const STORED = 'facet.language';

function preferred(): Language {
  const stored = readStored(STORED);
  if (stored && stored in LANGUAGES) return stored as Language;
  const wanted = typeof navigator === 'undefined' ? [] : (navigator.languages ?? []);
  for (const one of wanted) {
    const short = one.slice(0, 2).toLowerCase();
    if (short in LANGUAGES) return short as Language;
  }
  return 'en';
}

const current = cell(preferred());

const mark = () => {
  if (typeof document !== 'undefined') document.documentElement.lang = current.get();
};
mark();

export const language = current.get;
/** The root of the page uses it, so that all below is written anew. */
export const useLanguage = current.use;

export function setLanguage(next: Language) {
  writeStored(STORED, next);
  current.set(next);
  mark();
}

/** Numbers among the values are written as the language does. */
export function t<K extends TextKey>(key: K, ...[values]: Args<K>): string {
  const entry: Entry = TEXTS[key];
  const text = entry[language() === 'de' ? 1 : 0];
  const given = values as Record<string, string | number> | undefined;
  const form =
    typeof text === 'string'
      ? text
      : text[new Intl.PluralRules(language()).select(Number(given?.n)) === 'one' ? 'one' : 'other'];
  return form.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = given?.[name] ?? '';
    return typeof value === 'number' ? new Intl.NumberFormat(language()).format(value) : value;
  });
}

export const isKey = (key: string): key is TextKey => key in TEXTS;

/** The text of a name that the server may have more of than this table; the name where it is in none. */
export const known = (prefix: string, name: string, otherwise = name, values?: { n: number }): string => {
  const key = `${prefix}.${name}`;
  return isKey(key) ? (t as (key: TextKey, values?: { n: number }) => string)(key, values) : otherwise;
};

/** The same, with a name that is none of the table made readable. */
export const named = (prefix: string, name: string): string => known(prefix, name, name.replaceAll('_', ' '));
