import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { api, ApiError, ask, askHealth, byId } from '../api/client';
import type { Task, TaskState } from '../api/schema.gen';
import { apiMediaFilter, type MediaFilter } from './filters';
import { SPAN_MS, Throughput } from './throughput';

export const throughput = new Throughput();

const STATS_MS = 5000;
const HEALTH_MS = 30_000;
const UNFINISHED_MS = 3000;
const TASKS_MS = 5000;

export const useStats = () =>
  useQuery({
    queryKey: ['stats'],
    queryFn: async ({ signal }) => {
      const stats = await ask(api.GET('/v1/stats', { signal }));
      throughput.record(Date.now(), stats.tasks);
      return stats;
    },
    refetchInterval: ({ state: { error } }) =>
      error instanceof ApiError && error.status === 403 ? false : STATS_MS,
  });

export const useHealth = () =>
  useQuery({ queryKey: ['health'], queryFn: ({ signal }) => askHealth(signal), refetchInterval: HEALTH_MS });

/** Events change it at once; asking again covers a lost one. */
export const useMedia = (id: string) =>
  useQuery({
    queryKey: ['media', id],
    queryFn: ({ signal }) => ask(api.GET('/v1/media/{id}', { ...byId(id), signal })),
    refetchInterval: ({ state }) =>
      state.data && ['pending', 'processing'].includes(state.data.status) ? UNFINISHED_MS : false,
  });

/** Another analysis finds other faces; the old ones are shown until they are there. */
export const useFaces = (id: string, analysed: string | null) =>
  useQuery({
    queryKey: ['faces', id, analysed],
    queryFn: ({ signal }) => ask(api.GET('/v1/media/{id}/faces', { ...byId(id), signal })),
    placeholderData: keepPreviousData,
  });

/** Who is on screen in a moving picture, from when to when. */
export const useAppearances = (id: string, analysed: string | null) =>
  useQuery({
    queryKey: ['appearances', id, analysed],
    queryFn: ({ signal }) => ask(api.GET('/v1/media/{id}/appearances', { ...byId(id), signal })),
    placeholderData: keepPreviousData,
  });

export const useFace = (id: string) =>
  useQuery({
    queryKey: ['face', id],
    queryFn: ({ signal }) => ask(api.GET('/v1/faces/{id}', { ...byId(id), signal })),
  });

export const useMediaList = (filter: MediaFilter) =>
  useInfiniteQuery({
    queryKey: ['list', filter],
    queryFn: ({ pageParam, signal }) =>
      ask(
        api.GET('/v1/media', {
          params: { query: { ...apiMediaFilter(filter), limit: 100, cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor,
  });

export const useTasks = (state: TaskState | undefined) =>
  useInfiniteQuery({
    queryKey: ['tasks', state],
    queryFn: ({ pageParam, signal }) =>
      ask(api.GET('/v1/tasks', { params: { query: { state, limit: 50, cursor: pageParam } }, signal })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: TASKS_MS,
  });

const ENDED: TaskState[] = ['done', 'failed', 'dead'];
const TASKS_AT_ONCE = 500;
const MOST_PAGES = 8; // of tasks that ended lately: what is before them is not drawn

/** Pages of tasks, newest first, until `enough` says so of one. */
export async function tasksOf(state: TaskState, enough: (page: readonly Task[], pages: number) => boolean) {
  const all: Task[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await ask(
      api.GET('/v1/tasks', { params: { query: { state, limit: TASKS_AT_ONCE, cursor } } }),
    );
    all.push(...page.items);
    cursor = enough(page.items, (pages += 1)) ? undefined : (page.next_cursor ?? undefined);
  } while (cursor);
  return all;
}

/** What ended before this page was opened, for the throughput. Tasks end about in the order in which they came. */
export const useFinishedBefore = () =>
  useQuery({
    queryKey: ['finished'],
    queryFn: async () => {
      const since = Date.now() - SPAN_MS;
      const endOf = ({ finished_at }: Task) => (finished_at ? Date.parse(finished_at) : 0);
      const lately = await Promise.all(
        ENDED.map((state) =>
          tasksOf(state, (page, pages) => pages === MOST_PAGES || !page.some((one) => endOf(one) >= since)),
        ),
      );
      throughput.remember(lately.flat().map(endOf));
      return null;
    },
    staleTime: Infinity,
  });

export const useCollections = () =>
  useQuery({
    queryKey: ['collections'],
    queryFn: ({ signal }) => ask(api.GET('/v1/collections', { signal })),
    staleTime: 60_000,
  });

export const usePeople = () =>
  useQuery({
    queryKey: ['people'],
    queryFn: ({ signal }) => ask(api.GET('/v1/people', { signal })),
    staleTime: 60_000,
  });

export const useSavedSearches = () =>
  useQuery({
    queryKey: ['searches'],
    queryFn: ({ signal }) => ask(api.GET('/v1/searches', { signal })),
  });
