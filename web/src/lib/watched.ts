import type { Webhook } from '../api/schema.gen';
import { idIn, readLines } from './lines';

type Watched = Webhook['watched_faces'];

/** One face a line, with its threshold if it has one. */
export const writeWatched = (faces: Watched) =>
  faces
    .map(({ face_id, threshold }) => (threshold === null ? face_id : `${face_id} ${threshold}`))
    .join('\n');

/** Throws a FormError for a line that is no face with or without a threshold. */
export const readWatched = (text: string): Watched =>
  readLines(text, ([face = '', written, ...more]) => {
    const face_id = idIn(face, 'face');
    if (!face_id || more.length > 0) return null;
    if (written === undefined) return { face_id, threshold: null };
    const threshold = Number(written);
    return threshold >= -1 && threshold <= 1 ? { face_id, threshold } : null;
  });
