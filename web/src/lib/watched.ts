import type { Webhook } from '../api/schema.gen';

type Watched = Webhook['watched_faces'];

const LINE = /([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})[^0-9.-]*(-?[0-9.]+)?/i;

/** One face a line, with its threshold if it has one. */
export const writeWatched = (faces: Watched) =>
  faces
    .map(({ face_id, threshold }) => (threshold === null ? face_id : `${face_id} ${threshold}`))
    .join('\n');

export function readWatched(text: string): Watched {
  return text.split('\n').flatMap((line) => {
    const found = LINE.exec(line);
    if (!found?.[1]) return [];
    const threshold = found[2] === undefined ? null : Number(found[2]);
    return [{ face_id: found[1].toLowerCase(), threshold: Number.isFinite(threshold) ? threshold : null }];
  });
}
