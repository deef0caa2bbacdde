import type { LiveEvent } from '../api/events';
import { cell } from './cell';

export interface Progress {
  done_ms: number;
  duration_ms: number;
}

/** How far the videos are that are looked through at this moment. */
const running = cell<ReadonlyMap<string, Progress>>(new Map());

export const progressOf = (id: string): Progress | null => running.get().get(id) ?? null;
export const useProgress = (id: string): Progress | null => running.use().get(id) ?? null;

export function noteProgress(event: LiveEvent) {
  if (event.type === 'progress') {
    const { id, done_ms, duration_ms } = event;
    if (duration_ms > 0) running.set(new Map(running.get()).set(id, { done_ms, duration_ms }));
    return;
  }
  if (event.type === 'reset') running.set(new Map());
  const ended = event.type === 'deleted' ? event.id : event.type === 'changed' ? event.media.id : undefined;
  if (ended === undefined || !running.get().has(ended)) return;
  const left = new Map(running.get());
  left.delete(ended);
  running.set(left);
}
