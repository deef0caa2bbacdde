import { expect, test } from 'vitest';
import type { Media } from '../api/schema.gen';
import { noteProgress, progressOf } from './progress';

const at = (id: string, done_ms: number, duration_ms = 10_000) =>
  noteProgress({ type: 'progress', id, done_ms, duration_ms });

test('how far a video is, until it is done, deleted or events were missed', () => {
  at('a', 1000);
  at('b', 2000);
  at('a', 3000);
  at('c', 1, 0); // of unknown length
  expect(progressOf('a')).toEqual({ done_ms: 3000, duration_ms: 10_000 });
  expect(progressOf('c')).toBeNull();
  noteProgress({ type: 'changed', media: { id: 'a', status: 'completed' } as Media });
  expect(progressOf('a')).toBeNull();
  expect(progressOf('b')?.done_ms).toBe(2000);
  noteProgress({ type: 'deleted', id: 'b' });
  expect(progressOf('b')).toBeNull();
  at('d', 5);
  noteProgress({ type: 'reset' });
  expect(progressOf('d')).toBeNull();
});
