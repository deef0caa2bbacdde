import type { MediaEvent } from '../api/events';
import type { Media } from '../api/schema.gen';
import { apiMediaFilter, type MediaFilter } from './filters';

export interface Page<Item> {
  items: Item[];
  next_cursor: string | null;
}

/** Whether a media passes; undefined when only the server can tell. */
function fits(media: Media, wanted: MediaFilter): boolean | undefined {
  const filter = apiMediaFilter(wanted);
  if (filter.status && media.status !== filter.status) return false;
  if (filter.media_type && media.media_type !== filter.media_type) return false;
  if (filter.collection && !filter.collection.split(',').includes(media.collection)) return false;
  if (filter.path && !media.path?.startsWith(filter.path)) return false;
  if (filter.taken_from && Date.parse(media.taken_at) < Date.parse(filter.taken_from)) return false;
  if (filter.taken_to && Date.parse(media.taken_at) >= Date.parse(filter.taken_to)) return false;
  if (filter.q && !media.filename.toLowerCase().includes(filter.q.toLowerCase())) return false;
  return filter.person_id ? undefined : true;
}

/**
 * The loaded pages of a list after an event. What is listed is replaced or dropped; what is not listed is
 * put first if it is new, or newly fits the status asked for. The cursors stay valid: they name a place in
 * the list, not a count. Null when the list has to be read again: what is new may belong anywhere.
 */
export function applyEvent(
  pages: Page<Media>[],
  filter: MediaFilter,
  event: MediaEvent,
): Page<Media>[] | null {
  if (event.type === 'reset' || event.type === 'face_deleted') return pages;
  const now = event.type === 'deleted' ? null : event.media;
  const id = event.type === 'deleted' ? event.id : event.media.id;
  const fit = now !== null && fits(now, filter);
  const media = fit === false ? null : now;
  if (pages.some((page) => page.items.some((item) => item.id === id))) {
    return pages.map((page) => {
      if (!page.items.some((item) => item.id === id)) return page;
      const items = page.items.flatMap((item) => (item.id !== id ? [item] : media ? [media] : []));
      return { ...page, items };
    });
  }
  const [first, ...rest] = pages;
  const isNew = event.type === 'created' || filter.status !== '';
  if (!first || !media || !isNew) return pages;
  if (fit === undefined || (filter.sort && filter.sort !== '-created_at')) return null;
  return [{ ...first, items: [media, ...first.items] }, ...rest];
}
