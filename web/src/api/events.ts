import type { Media } from './schema.gen';

export type MediaEvent =
  | { type: 'created' | 'changed'; media: Media }
  | { type: 'deleted'; id: string }
  | { type: 'face_deleted'; id: string }
  | { type: 'reset' };

/** How far the analysis of a video is. */
export interface ProgressEvent {
  type: 'progress';
  id: string;
  done_ms: number;
  duration_ms: number;
}
export type LiveEvent = MediaEvent | ProgressEvent;

type Told = { media: Media } & Omit<ProgressEvent, 'type'>;

const POLL_MS = 5000;

/**
 * Listens to /v1/events until the returned function is called; reconnects by itself. While the server
 * refuses the stream, `reset` comes every five seconds instead, so that lists are read again.
 */
export function listen(onEvent: (event: LiveEvent) => void): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lost = false;

  const connect = () => {
    source = new EventSource('/v1/events');
    const on = (name: string, make: (data: Told) => LiveEvent) =>
      source?.addEventListener(name, (event) => {
        try {
          onEvent(make(JSON.parse((event as MessageEvent<string>).data)));
        } catch {
          onEvent({ type: 'reset' }); // not understood: look at the lists instead
        }
      });
    on('media.created', ({ media }) => ({ type: 'created', media }));
    on('media.processing', ({ media }) => ({ type: 'changed', media }));
    on('media.completed', ({ media }) => ({ type: 'changed', media }));
    on('media.failed', ({ media }) => ({ type: 'changed', media }));
    on('media.progress', ({ id, done_ms, duration_ms }) => ({ type: 'progress', id, done_ms, duration_ms }));
    on('media.deleted', ({ id }) => ({ type: 'deleted', id }));
    on('face.deleted', ({ id }) => ({ type: 'face_deleted', id }));
    source.addEventListener('reset', () => onEvent({ type: 'reset' }));
    source.onopen = () => {
      if (lost) onEvent({ type: 'reset' });
      lost = false;
    };
    source.onerror = () => {
      lost = true;
      if (source?.readyState !== EventSource.CLOSED) return; // the browser tries again
      timer = setTimeout(() => {
        onEvent({ type: 'reset' });
        connect();
      }, POLL_MS);
    };
  };
  connect();
  return () => {
    clearTimeout(timer);
    source?.close();
  };
}
