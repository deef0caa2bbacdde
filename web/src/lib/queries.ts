import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getFaces, getHealth, getMedia, getStats, listMedia, type MediaFilter } from '../api/client';

const STATS_MS = 5000;
const HEALTH_MS = 30_000;
const UNFINISHED_MS = 3000;

export const useStats = () =>
  useQuery({ queryKey: ['stats'], queryFn: ({ signal }) => getStats(signal), refetchInterval: STATS_MS });

export const useHealth = () =>
  useQuery({ queryKey: ['health'], queryFn: ({ signal }) => getHealth(signal), refetchInterval: HEALTH_MS });

/** Events change it at once; asking again covers a lost one. */
export const useMedia = (id: string) =>
  useQuery({
    queryKey: ['media', id],
    queryFn: ({ signal }) => getMedia(id, signal),
    refetchInterval: ({ state }) =>
      state.data && ['pending', 'processing'].includes(state.data.status) ? UNFINISHED_MS : false,
  });

/** Another analysis finds other faces; the old ones are shown until they are there. */
export const useFaces = (id: string, analysed: string | null) =>
  useQuery({
    queryKey: ['faces', id, analysed],
    queryFn: ({ signal }) => getFaces(id, signal),
    placeholderData: keepPreviousData,
  });

export const useMediaList = (filter: MediaFilter) =>
  useInfiniteQuery({
    queryKey: ['list', filter],
    queryFn: ({ pageParam, signal }) => listMedia(filter, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
