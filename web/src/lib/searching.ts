import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { api, ask, byId } from '../api/client';
import type { Media, SearchQuery, SearchResult } from '../api/schema.gen';
import { apiFilter, type Filter, NO_FILTER } from './filters';
import type { QueryPhoto } from './state';

export type Hit = SearchResult['results'][number];

/** What is searched with: a picture of this page, a face of the library, or a search kept before. */
export type Source =
  | { kind: 'photo'; photo: QueryPhoto; face: string }
  | { kind: 'face'; id: string }
  | { kind: 'saved'; id: string };

export interface SearchFilter extends Filter {
  min_quality: string;
  collapse: string;
}
export const ANY_FACE: SearchFilter = { ...NO_FILTER, min_quality: '', collapse: '' };

export const SEARCH_LIMIT = 500;

function fields(filter: SearchFilter): SearchQuery {
  const quality = Number(filter.min_quality);
  return {
    ...apiFilter(filter),
    min_quality: quality > 0 && quality <= 1 ? quality : undefined,
    collapse: filter.collapse === 'near_duplicates' ? filter.collapse : undefined,
    limit: SEARCH_LIMIT,
  };
}

function form(image: File, query: object): FormData {
  const made = new FormData();
  made.set('image', image);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) made.set(name, String(value));
  }
  return made;
}

/** A search from the threshold on; with a name, it is kept. */
export function search(
  source: Source,
  filter: SearchFilter,
  threshold: number,
  save_as?: string,
  signal?: AbortSignal,
): Promise<SearchResult> {
  if (source.kind === 'saved') {
    return ask(api.GET('/v1/searches/{id}', { ...byId(source.id), signal }));
  }
  const query = { ...fields(filter), threshold, save_as };
  if (source.kind === 'face') {
    return ask(api.POST('/v1/search', { body: { ...query, face_id: source.id }, signal }));
  }
  const body = form(source.photo.file, { ...query, face: source.face });
  return ask(
    api.POST('/v1/search', {
      body: query,
      bodySerializer: () => body,
      signal,
    }),
  );
}

/**
 * Asks for all that resembles at all, once: the threshold is moved over the answer without asking again.
 */
export function useSearch(source: Source | null, filter: SearchFilter) {
  const name = source && (source.kind === 'photo' ? source.photo.key : source.id);
  return useQuery({
    queryKey: [
      'search',
      name,
      source?.kind === 'photo' ? source.face : '',
      source?.kind !== 'saved' && filter,
    ],
    queryFn: ({ signal }) => {
      if (!source) throw new Error('nothing to search with');
      return search(source, filter, 0, undefined, signal);
    },
    enabled: source !== null,
    staleTime: Infinity,
    // Another face or filter of the same picture: the old answer stays until the new one is there.
    placeholderData: (old, query) => (query?.queryKey[1] === name ? keepPreviousData(old) : undefined),
  });
}

/**
 * The threshold that the address holds, as far as there is such a cosine; `usual` where it holds none. A saved
 * search has nothing below its `least`.
 */
export function thresholdOf(written: string | null, usual: number, least: number): number {
  const value = written ? Number(written) : NaN;
  return Number.isNaN(value) ? usual : Math.min(1, Math.max(least, value));
}

/** Where a picture is searched: with the filters of the search that is on the page, if there is one. */
export function photoAddress({ pathname, search }: Pick<Location, 'pathname' | 'search'>): string {
  const kept = new URLSearchParams(pathname === '/search' ? search : '');
  kept.delete('face');
  return kept.toString() ? `/search?${kept}` : '/search';
}

export interface Group {
  media: Media;
  hits: [Hit, ...Hit[]]; // best first
}

/** One entry for each picture, in the order of its best face. */
export function groupByMedia(hits: readonly Hit[]): Group[] {
  const groups = new Map<string, Group>();
  for (const hit of hits) {
    const group = groups.get(hit.media.id);
    if (group) group.hits.push(hit);
    else groups.set(hit.media.id, { media: hit.media, hits: [hit] });
  }
  return [...groups.values()];
}
