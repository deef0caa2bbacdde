import createClient from 'openapi-fetch';
import type { Health, Session, paths } from './schema.gen';

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

let csrf: string | null = null;
let whenUnauthorized = () => {};

/** What requests that change something have to carry besides the cookie. */
export const csrfHeaders = (): Record<string, string> => (csrf ? { 'x-csrf-token': csrf } : {});
/** Called for every 401: the session ended, or there was none. */
export const onUnauthorized = (run: () => void) => void (whenUnauthorized = run);
export const sawStatus = (status: number) => void (status === 401 && whenUnauthorized());

async function send(request: Request): Promise<Response> {
  if (!['GET', 'HEAD'].includes(request.method)) {
    for (const [name, value] of Object.entries(csrfHeaders())) request.headers.set(name, value);
  }
  let response: Response;
  try {
    response = await fetch(request);
  } catch (cause) {
    if (request.signal.aborted) throw cause;
    throw unreachable();
  }
  if (new URL(request.url).pathname !== '/v1/session') sawStatus(response.status);
  return response;
}

/** The routes of openapi.yaml, typed. */
export const api = createClient<paths>({ fetch: send });

type Answer<T> = Promise<{ data?: T; error?: unknown; response: Response }>;

/** The body of a 2xx answer; everything else is thrown as an ApiError. */
export async function ask<T>(answer: Answer<T>): Promise<T> {
  const { data, error, response } = await answer;
  if (!response.ok) throw errorOf(response.status, error, response.headers.get('x-request-id') ?? '');
  return data as T;
}

/** Health is told with 503, too. */
export async function askHealth(signal: AbortSignal): Promise<Health> {
  const { data, error, response } = await api.GET('/v1/health', { signal });
  if (response.status === 503 && error && 'checks' in error) return error;
  if (!data) throw errorOf(response.status, error, response.headers.get('x-request-id') ?? '');
  return data;
}

export function keepSession(session: Session): Session {
  csrf = session.csrf_token;
  return session;
}

/** Parameters of a route with {id}. */
export const byId = (id: string) => ({ params: { path: { id } } });

export const thumbnailUrl = (id: string, size: number) => `/v1/media/${id}/thumbnail?size=${size}`;
export const frameUrl = (id: string, at_ms: number, size: number) =>
  `/v1/media/${id}/frame?at_ms=${at_ms}&size=${size}`;
export const contentUrl = (id: string) => `/v1/media/${id}/content`;
export const faceUrl = (id: string, context = 0.25) => `/v1/faces/${id}/image?context=${context}`;

/** The routes of the original system, which openapi.yaml does not describe. */
export async function askOriginal<T>(path: string, method: 'GET' | 'POST' = 'GET'): Promise<T> {
  const response = await send(new Request(path, { method }));
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw errorOf(response.status, body, response.headers.get('x-request-id') ?? '');
  return body as T;
}
