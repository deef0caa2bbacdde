import { beforeEach, expect, test } from 'vitest';
import { ApiError, errorOf } from '../api/client';
import type { Media, UploadResult } from '../api/schema.gen';
import { cancelled } from '../api/upload';
import { UploadQueue } from './queue';

interface Sent {
  name: string;
  collection: string | null;
  progress: (sent: number) => void;
  answer: (answer: UploadResult) => Promise<void>;
  fail: (error: unknown) => Promise<void>;
}

let sent: Sent[];
let later: (() => void)[];
let polled: string[];
let queue: UploadQueue;
let clock: number;

const settle = async () => {
  for (let i = 0; i < 10; ++i) await Promise.resolve();
};
/** Lets all time pass that is being waited for now. */
const tick = async () => {
  for (const run of later.splice(0)) run();
  await settle();
};
const media = (id: string, change: Partial<Media> = {}) => ({ id, status: 'pending', ...change }) as Media;
const accepted = (id: string, duplicate = false): UploadResult => ({
  accepted: [{ index: 0, filename: '', task_id: '', media: media(id), duplicate }],
  rejected: [],
});
const files = (...names: string[]) => names.map((name) => new File(['x'], name));
const states = async () => {
  await tick();
  return queue.getSnapshot().uploads.map((upload) => upload.state);
};

beforeEach(() => {
  sent = [];
  later = [];
  polled = [];
  clock = 0;
  queue = new UploadQueue({
    send: (file, collection, progress, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(cancelled()));
        sent.push({
          name: file.name,
          collection,
          progress,
          answer: (answer) => (resolve(answer), settle()),
          fail: (error: unknown) => (reject(error), settle()),
        });
      }),
    fetchMedia: (id) => {
      polled.push(id);
      return Promise.resolve(media(id, { status: 'completed' }));
    },
    after: (_, run) => later.push(run),
    now: () => clock,
  });
});

test('three are on the way at a time, in order', async () => {
  queue.add(files('a', 'b', 'c', 'd', 'e'), null);
  expect(sent.map((one) => one.name)).toEqual(['a', 'b', 'c']);
  await sent[1]?.answer(accepted('1'));
  expect(sent.map((one) => one.name)).toEqual(['a', 'b', 'c', 'd']);
  expect(await states()).toEqual(['sending', 'processing', 'sending', 'sending', 'waiting']);
});

test('listeners are told once for many changes', async () => {
  let told = 0;
  queue.subscribe(() => (told += 1));
  queue.add(files('a', 'b'), null);
  for (let i = 0; i <= 100; ++i) sent[0]?.progress(i / 100);
  await tick();
  expect(told).toBe(1);
  expect(queue.getSnapshot().uploads[0]?.sent).toBe(1);
});

test('the outcome comes by event', async () => {
  queue.add(files('a', 'b'), null);
  await sent[0]?.answer(accepted('1'));
  await sent[1]?.answer(accepted('2'));
  queue.onEvent({ type: 'changed', media: media('1', { status: 'completed', face_count: 2 }) });
  queue.onEvent({
    type: 'changed',
    media: media('2', { status: 'failed', error: { code: 'corrupt', message: 'cut short' } }),
  });
  expect(await states()).toEqual(['done', 'failed']);
  expect(queue.getSnapshot().uploads[1]?.error?.message).toBe('cut short');
});

test('an event that outruns the answer is not lost', async () => {
  queue.add(files('a'), null);
  queue.onEvent({ type: 'changed', media: media('1', { status: 'completed' }) });
  await sent[0]?.answer(accepted('1'));
  expect(await states()).toEqual(['done']);
  expect(polled).toEqual([]);
});

test('without events, asking finds the outcome', async () => {
  queue.add(files('a'), null);
  await sent[0]?.answer(accepted('1'));
  await tick();
  expect(polled).toEqual(['1']);
  expect(await states()).toEqual(['done']);
});

test('duplicates and refusals are told apart, with the reason and request id', async () => {
  queue.add(files('a', 'b', 'c'), null);
  await sent[0]?.answer(accepted('1', true));
  await sent[1]?.fail(
    errorOf(415, { error: { code: 'unsupported_media', message: 'not a picture' }, request_id: 'r-1' }, ''),
  );
  await sent[2]?.fail(new ApiError(0, 'unreachable', 'the server cannot be reached', ''));
  expect(await states()).toEqual(['duplicate', 'rejected', 'failed']);
  expect(queue.getSnapshot().uploads[1]).toMatchObject({
    error: { code: 'unsupported_media', message: 'not a picture', requestId: 'r-1' },
  });
});

test('what failed on the way can be sent again, what was refused is not', async () => {
  queue.add(files('a', 'b'), null);
  await sent[0]?.fail(new ApiError(0, 'unreachable', '', ''));
  await sent[1]?.fail(new ApiError(415, 'unsupported_media', '', ''));
  queue.retryAll();
  expect(sent.map((one) => one.name)).toEqual(['a', 'b', 'a']);
  await sent[2]?.answer(accepted('1', true));
  expect(await states()).toEqual(['duplicate', 'rejected']);
});

test('a busy server is asked again after a while', async () => {
  queue.add(files('a'), null);
  await sent[0]?.fail(new ApiError(503, 'busy', '', ''));
  expect(sent).toHaveLength(1);
  await tick();
  expect(sent).toHaveLength(2);
  expect(await states()).toEqual(['sending']);
});

test('an answer that is not the envelope still becomes an error', () => {
  expect(errorOf(502, null, 'r-2')).toMatchObject({ status: 502, code: 'unknown', requestId: 'r-2' });
});

test('a part refused in an accepted request keeps its reason', async () => {
  queue.add(files('a'), null);
  const error = { code: 'too_large', message: 'more than 50 MB' };
  await sent[0]?.answer({ accepted: [], rejected: [{ index: 0, filename: 'a', error }] });
  expect(await states()).toEqual(['rejected']);
  expect(queue.getSnapshot().uploads[0]?.error).toMatchObject(error);
});

test('what is cancelled stops, waiting or under way, and can be sent again', async () => {
  queue.add(files('a', 'b', 'c', 'd'), null);
  queue.cancel(0);
  queue.cancel(3);
  await settle();
  expect(await states()).toEqual(['cancelled', 'sending', 'sending', 'cancelled']);
  expect(sent).toHaveLength(3); // d was never sent
  queue.retry(3);
  expect(sent.map((one) => one.name)).toEqual(['a', 'b', 'c', 'd']);
  queue.cancelAll();
  await settle();
  expect(await states()).toEqual(['cancelled', 'cancelled', 'cancelled', 'cancelled']);
});

test('a retry of what is still to come does not send it twice', async () => {
  queue.add(files('a', 'b', 'c', 'd'), null);
  queue.cancel(3);
  queue.retry(3);
  await sent[0]?.answer(accepted('1', true));
  await sent[1]?.answer(accepted('2', true));
  expect(sent.map((one) => one.name)).toEqual(['a', 'b', 'c', 'd']);
});

test('speed is that of what is being sent', async () => {
  queue.add([new File(['x'.repeat(1000)], 'a'), new File(['x'.repeat(500)], 'b')], 'family');
  clock = 2000;
  sent[0]?.progress(0.5);
  sent[1]?.progress(1);
  await tick();
  expect(queue.getSnapshot().speed).toBeCloseTo(250 + 250);
  expect(sent[0]?.collection).toBe('family');
  await sent[0]?.answer(accepted('1', true));
  await tick();
  expect(queue.getSnapshot().speed).toBeCloseTo(250);
});

test('a session that ended is no refusal of the file', async () => {
  queue.add(files('a'), null);
  await sent[0]?.fail(new ApiError(401, 'unauthorized', '', ''));
  expect(await states()).toEqual(['failed']);
  queue.retryAll();
  expect(sent).toHaveLength(2);
});

test('what is over is forgotten only when all is over', async () => {
  queue.add(files('a', 'b'), null);
  await sent[0]?.answer(accepted('1', true));
  queue.clear();
  expect(await states()).toEqual(['duplicate', 'sending']);
  await sent[1]?.answer(accepted('2', true));
  queue.clear();
  expect(await states()).toEqual([]);
  queue.add(files('c'), null);
  expect(sent.at(-1)?.name).toBe('c');
});
