import { idIn, readLines } from './lines';

export const KINDS = ['person', 'media', 'face', 'collection'] as const;
export type Kind = (typeof KINDS)[number];

export interface Given {
  kind: Kind;
  value: string; // an id or a name; of media and faces, many ids
}

/** Throws a FormError for a line with something that names nothing of this kind. */
function ids(text: string, kind: 'media' | 'face') {
  const lines = readLines(text, (words) => {
    const found = words.map((word) => idIn(word, kind));
    return found.every((id) => id !== null) ? found : null;
  });
  return [...new Set(lines.flat())];
}

/** What of a request names the things to erase. Addresses of pages hold ids, too: they may be pasted. */
export function requestOf({ kind, value }: Given) {
  switch (kind) {
    case 'person':
      return { person_ids: [value] };
    case 'collection':
      return { collections: [value] };
    case 'media':
      return { media_ids: ids(value, kind) };
    case 'face':
      return { face_ids: ids(value, kind) };
  }
}
