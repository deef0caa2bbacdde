import { type InfiniteData, type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { listen, type MediaEvent } from '../api/events';
import type { Media } from '../api/schema.gen';
import { applyEvent, type Page } from './feed';
import type { MediaFilter } from './filters';
import { noteProgress } from './progress';
import { uploads } from './state';

const BATCH_MS = 250;

function apply(client: QueryClient, events: MediaEvent[]) {
  if (events.some((event) => event.type === 'reset')) {
    for (const name of ['list', 'media', 'faces', 'appearances', 'tasks']) {
      void client.invalidateQueries({ queryKey: [name] });
    }
  }
  for (const [key, data] of client.getQueriesData<InfiniteData<Page<Media>>>({ queryKey: ['list'] })) {
    if (!data) continue;
    let pages: Page<Media>[] | null = data.pages;
    for (const event of events) pages = pages && applyEvent(pages, key[1] as MediaFilter, event);
    if (pages) client.setQueryData(key, { ...data, pages });
    else void client.invalidateQueries({ queryKey: key });
  }
  for (const event of events) {
    if (event.type !== 'changed') continue;
    client.setQueryData<Media>(['media', event.media.id], (old) => old && event.media);
    for (const name of ['faces', 'appearances']) {
      void client.invalidateQueries({ queryKey: [name, event.media.id] });
    }
  }
  void client.invalidateQueries({ queryKey: ['stats'] });
  void client.invalidateQueries({ queryKey: ['tasks'] });
}

/** Keeps what is on the page up to date with the server's events, in batches. */
export function useLiveUpdates() {
  const client = useQueryClient();
  useEffect(() => {
    let waiting: MediaEvent[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = listen((event) => {
      noteProgress(event);
      if (event.type === 'progress') return;
      uploads.onEvent(event);
      waiting.push(event);
      timer ??= setTimeout(() => {
        const batch = waiting;
        waiting = [];
        timer = undefined;
        apply(client, batch);
      }, BATCH_MS);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [client]);
}
