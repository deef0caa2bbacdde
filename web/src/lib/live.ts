import { type InfiniteData, type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { MediaFilter } from '../api/client';
import { listen, type MediaEvent } from '../api/events';
import type { Media, Page } from '../api/types';
import { applyEvent } from './feed';
import { uploads } from './state';

const BATCH_MS = 250;

function apply(client: QueryClient, events: MediaEvent[]) {
  if (events.some((event) => event.type === 'reset')) {
    void client.invalidateQueries({ queryKey: ['list'] });
    void client.invalidateQueries({ queryKey: ['media'] });
  }
  for (const [key] of client.getQueriesData({ queryKey: ['list'] })) {
    client.setQueryData<InfiniteData<Page<Media>>>(key, (data) => {
      if (!data) return data;
      const filter = key[1] as MediaFilter;
      return {
        ...data,
        pages: events.reduce((pages, event) => applyEvent(pages, filter, event), data.pages),
      };
    });
  }
  for (const event of events) {
    if (event.type !== 'changed') continue;
    client.setQueryData<Media>(['media', event.media.id], (old) => old && event.media);
    void client.invalidateQueries({ queryKey: ['faces', event.media.id] });
  }
  void client.invalidateQueries({ queryKey: ['stats'] });
}

/** Keeps what is on the page up to date with the server's events, in batches. */
export function useLiveUpdates() {
  const client = useQueryClient();
  useEffect(() => {
    let waiting: MediaEvent[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = listen((event) => {
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
