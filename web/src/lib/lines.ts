import { FormError } from './error-text';
import { t } from './i18n';

const ID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const ALONE = new RegExp(`^${ID}$`);
// Where addresses of pages and of the API hold an id.
const WITHIN = {
  media: new RegExp(`/media/(${ID})(?:[/?#]|$)`),
  face: new RegExp(`(?:[?&]face=|/faces/)(${ID})(?:[/?&#]|$)`),
};

/** The id that a word is, or that an address holds; null for what names none. */
export function idIn(word: string, kind: keyof typeof WITHIN): string | null {
  const small = word.toLowerCase();
  return ALONE.test(small) ? small : (WITHIN[kind].exec(small)?.[1] ?? null);
}

/** What each line that is not empty says, by its words; throws a FormError that names the first unreadable one. */
export function readLines<Read>(text: string, read: (words: string[]) => Read | null): Read[] {
  return text.split('\n').flatMap((line, i) => {
    const words = line.split(/[\s,;]+/).filter(Boolean);
    if (words.length === 0) return [];
    const said = read(words);
    if (said === null) throw new FormError(t('form.line', { n: i + 1, line: line.trim() }));
    return [said];
  });
}
