export const KINDS = ['person', 'media', 'face', 'collection'] as const;
export type Kind = (typeof KINDS)[number];

export interface Given {
  kind: Kind;
  value: string; // an id or a name; of media and faces, many ids
}

const ids = (text: string) => [
  ...new Set(text.toLowerCase().match(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g)),
];

/** What of a request names the things to erase. Addresses of pages hold ids, too: they may be pasted. */
export function requestOf({ kind, value }: Given) {
  switch (kind) {
    case 'person':
      return { person_ids: [value] };
    case 'collection':
      return { collections: [value] };
    case 'media':
      return { media_ids: ids(value) };
    case 'face':
      return { face_ids: ids(value) };
  }
}
