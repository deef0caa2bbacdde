import type { Face, Health, Media, MediaStatus, Page, SearchAnswer, Stats } from './types';

/** A refusal of the server, or (status 0) no answer at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId: string,
  ) {
    super(message);
  }
}

/** What a non-2xx answer says, whether or not its body is the documented envelope. */
export function errorOf(status: number, body: unknown, requestId: string): ApiError {
  const envelope = body as { error?: { code?: unknown; message?: unknown }; request_id?: unknown } | null;
  const code = envelope?.error?.code;
  const message = envelope?.error?.message;
  return new ApiError(
    status,
    typeof code === 'string' ? code : 'unknown',
    typeof message === 'string' ? message : `the server answered ${status}`,
    typeof envelope?.request_id === 'string' ? envelope.request_id : requestId,
  );
}

export const unreachable = () => new ApiError(0, 'unreachable', 'the server cannot be reached', '');

async function request(path: string, init: RequestInit = {}, accepted: number[] = []): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw unreachable();
  }
  const body: unknown = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok && !accepted.includes(response.status)) {
    throw errorOf(response.status, body, response.headers.get('x-request-id') ?? '');
  }
  return body;
}

const get = <T>(path: string, signal?: AbortSignal) => request(path, { signal }) as Promise<T>;

export interface MediaFilter {
  status: MediaStatus | '';
  q: string;
}

export function listMedia(filter: MediaFilter, cursor: string | null, signal?: AbortSignal) {
  const query = new URLSearchParams({ limit: '100' });
  if (filter.status) query.set('status', filter.status);
  if (filter.q) query.set('q', filter.q);
  if (cursor) query.set('cursor', cursor);
  return get<Page<Media>>(`/v1/media?${query}`, signal);
}

export const getMedia = (id: string, signal?: AbortSignal) => get<Media>(`/v1/media/${id}`, signal);
export const getFace = (id: string, signal?: AbortSignal) => get<Face>(`/v1/faces/${id}`, signal);
export const getFaces = (id: string, signal?: AbortSignal) =>
  get<{ items: Face[] }>(`/v1/media/${id}/faces`, signal);
export const getStats = (signal?: AbortSignal) => get<Stats>('/v1/stats', signal);
export const getHealth = (signal?: AbortSignal) =>
  request('/v1/health', { signal }, [503]) as Promise<Health>;

export const deleteMedia = (id: string) => request(`/v1/media/${id}`, { method: 'DELETE' });
export const deleteFace = (id: string) => request(`/v1/faces/${id}`, { method: 'DELETE' });
export const reprocess = (id: string) => request(`/v1/media/${id}/reprocess`, { method: 'POST' });

export const SEARCH_LIMIT = 200;

/** Everything that resembles at all, so that the threshold can be moved without asking again. */
export function search(query: { image: File; face: number } | { faceId: string }, signal?: AbortSignal) {
  const form = new FormData();
  if ('image' in query) {
    form.set('image', query.image);
    form.set('face', String(query.face));
  } else {
    form.set('face_id', query.faceId);
  }
  form.set('threshold', '0');
  form.set('limit', String(SEARCH_LIMIT));
  return request('/v1/search', { method: 'POST', body: form, signal }) as Promise<SearchAnswer>;
}

export const thumbnailUrl = (id: string, size: number) => `/v1/media/${id}/thumbnail?size=${size}`;
export const contentUrl = (id: string) => `/v1/media/${id}/content`;
export const faceUrl = (id: string) => `/v1/faces/${id}/image?context=0.25`;
