import type { MediaFilter } from '../api/client';
import type { MediaEvent } from '../api/events';
import type { Media, Page } from '../api/types';

function fits(media: Media, filter: MediaFilter): boolean {
  if (filter.status && media.status !== filter.status) return false;
  return media.filename.toLowerCase().includes(filter.q.toLowerCase());
}

/**
 * The loaded pages of the newest-first list after an event. What is listed is replaced or dropped;
 * what is not listed is put first if it is new, or newly fits the status asked for. The cursors stay
 * valid: they name a place in the list, not a count.
 */
export function applyEvent(pages: Page<Media>[], filter: MediaFilter, event: MediaEvent): Page<Media>[] {
  if (event.type === 'reset') return pages;
  const id = event.type === 'deleted' ? event.id : event.media.id;
  const media = event.type === 'deleted' || !fits(event.media, filter) ? null : event.media;
  const listed = pages.some((page) => page.items.some((item) => item.id === id));
  if (listed) {
    return pages.map((page) => {
      if (!page.items.some((item) => item.id === id)) return page;
      const items = page.items.flatMap((item) => (item.id !== id ? [item] : media ? [media] : []));
      return { ...page, items };
    });
  }
  const [first, ...rest] = pages;
  const isNew = event.type === 'created' || filter.status !== '';
  if (!first || !media || !isNew) return pages;
  return [{ ...first, items: [media, ...first.items] }, ...rest];
}
