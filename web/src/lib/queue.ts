import { ApiError } from '../api/client';
import type { MediaEvent } from '../api/events';
import type { Media, UploadResult } from '../api/schema.gen';

export type UploadState =
  'waiting' | 'sending' | 'processing' | 'done' | 'duplicate' | 'rejected' | 'failed' | 'cancelled';

export interface Upload {
  key: number;
  file: File;
  collection: string | null;
  state: UploadState;
  sent: number; // 0 to 1
  speed: number; // bytes per second, while sending
  media: Media | null;
  error: { code: string; message: string; requestId: string } | null;
  tries: number;
}

export interface Snapshot {
  uploads: readonly Upload[];
  counts: Readonly<Record<UploadState, number>>;
  speed: number; // of all that are being sent
}

export interface Ports {
  send: (
    file: File,
    collection: string | null,
    onProgress: (sent: number) => void,
    signal: AbortSignal,
  ) => Promise<UploadResult>;
  fetchMedia: (id: string) => Promise<Media>;
  after: (milliseconds: number, run: () => void) => void;
  now: () => number; // milliseconds
}

const PARALLEL = 3;
const NOTIFY_MS = 100;
const POLL_MS = 4000;
const POLL_AT_ONCE = 10;
const BUSY_MS = 2000;
const BUSY_TRIES = 30;
const REMEMBERED = 500;

const NONE: Snapshot = {
  uploads: [],
  counts: {
    waiting: 0,
    sending: 0,
    processing: 0,
    done: 0,
    duplicate: 0,
    rejected: 0,
    failed: 0,
    cancelled: 0,
  },
  speed: 0,
};

/** Not sent at all, so that it may be tried again; what was refused or is damaged stays so. */
export const retryable = (upload: Upload) =>
  upload.state === 'cancelled' || (upload.state === 'failed' && !upload.media);

export const isOpen = ({ counts }: Snapshot) => counts.waiting + counts.sending + counts.processing > 0;

/**
 * Sends files a few at a time and follows what becomes of them. Listeners hear at most ten times a
 * second, however many files there are. The outcome comes by event; polling covers lost events.
 */
export class UploadQueue {
  private all: Upload[] = [];
  private next = 0; // all before this one have been started
  private retries: number[] = []; // keys
  private byMedia = new Map<string, number>();
  private early = new Map<string, Media>(); // events that outran the answer to the upload
  private onTheWay = new Map<number, AbortController>();
  private snapshot = NONE;
  private listeners = new Set<() => void>();
  private notifying = false;
  private polling = false;

  constructor(private readonly ports: Ports) {}

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  getSnapshot = () => this.snapshot;

  add(files: readonly File[], collection: string | null) {
    for (const file of files) {
      this.all.push({
        key: this.all.length,
        file,
        collection,
        state: 'waiting',
        sent: 0,
        speed: 0,
        media: null,
        error: null,
        tries: 0,
      });
    }
    this.changed();
    this.pump();
  }

  cancel(key: number) {
    if (this.all[key]?.state === 'waiting') this.update(key, { state: 'cancelled' });
    this.onTheWay.get(key)?.abort();
  }

  cancelAll() {
    for (const { key } of this.all) this.cancel(key);
  }

  retry(key: number) {
    const upload = this.all[key];
    if (!upload || !retryable(upload)) return;
    this.update(key, { state: 'waiting', sent: 0, error: null, tries: 0 });
    if (key < this.next) this.retries.push(key); // else it is still to come
    this.pump();
  }

  retryAll() {
    for (const { key } of this.all) this.retry(key);
  }

  /** Forgets what is over, once all is. */
  clear() {
    if (this.all.some((one) => ['waiting', 'sending', 'processing'].includes(one.state))) return;
    this.all = [];
    this.next = 0;
    this.changed();
  }

  onEvent(event: MediaEvent) {
    if (event.type !== 'created' && event.type !== 'changed') return;
    const key = this.byMedia.get(event.media.id);
    if (key !== undefined) {
      this.settle(key, event.media);
      return;
    }
    this.early.delete(event.media.id);
    this.early.set(event.media.id, event.media);
    const oldest = this.early.keys().next().value;
    if (this.early.size > REMEMBERED && oldest !== undefined) this.early.delete(oldest);
  }

  private update(key: number, change: Partial<Upload>) {
    const upload = this.all[key];
    if (!upload) return;
    this.all[key] = { ...upload, ...change };
    this.changed();
  }

  private changed() {
    if (this.notifying) return;
    this.notifying = true;
    this.ports.after(NOTIFY_MS, () => {
      this.notifying = false;
      const counts = { ...NONE.counts };
      let speed = 0;
      for (const upload of this.all) {
        counts[upload.state] += 1;
        if (upload.state === 'sending') speed += upload.speed;
      }
      this.snapshot = { uploads: [...this.all], counts, speed };
      for (const listener of this.listeners) listener();
    });
  }

  private pump() {
    while (this.onTheWay.size < PARALLEL) {
      const key = this.retries.shift() ?? (this.next < this.all.length ? this.next++ : undefined);
      if (key === undefined) return;
      if (this.all[key]?.state !== 'waiting') continue; // cancelled meanwhile
      void this.send(key).finally(() => {
        this.onTheWay.delete(key);
        this.pump();
      });
    }
  }

  private async send(key: number) {
    const upload = this.all[key];
    if (!upload) return;
    const { file, collection } = upload;
    const control = new AbortController();
    this.onTheWay.set(key, control);
    this.update(key, { state: 'sending', sent: 0, speed: 0 });
    const began = this.ports.now();
    const progress = (sent: number) => {
      const seconds = Math.max(0.001, (this.ports.now() - began) / 1000);
      this.update(key, { sent, speed: (sent * file.size) / seconds });
    };
    try {
      this.received(key, await this.ports.send(file, collection, progress, control.signal));
    } catch (error) {
      this.refused(key, error);
    }
  }

  private received(key: number, { accepted: [accepted], rejected: [rejected] }: UploadResult) {
    if (!accepted) {
      const error = rejected?.error ?? { code: 'unknown', message: '' };
      this.update(key, { state: 'rejected', error: { ...error, requestId: '' } });
    } else if (accepted.duplicate) {
      this.update(key, { state: 'duplicate', sent: 1, media: accepted.media });
    } else {
      const { media } = accepted;
      this.update(key, { state: 'processing', sent: 1, media });
      this.byMedia.set(media.id, key);
      this.settle(key, this.early.get(media.id) ?? media);
      this.early.delete(media.id);
      this.poll();
    }
  }

  private refused(key: number, cause: unknown) {
    const api = cause instanceof ApiError ? cause : new ApiError(0, 'unknown', String(cause), '');
    const tries = this.all[key]?.tries ?? 0;
    if (api.code === 'cancelled') {
      this.update(key, { state: 'cancelled' });
    } else if (api.status === 503 && tries < BUSY_TRIES) {
      this.update(key, { state: 'waiting', sent: 0, tries: tries + 1 });
      this.ports.after(BUSY_MS, () => {
        this.retries.push(key);
        this.pump();
      });
    } else {
      // A session that ended is no refusal of the file.
      const refusal = api.status >= 400 && api.status < 500 && api.status !== 401;
      const { code, message, requestId } = api;
      this.update(key, { state: refusal ? 'rejected' : 'failed', error: { code, message, requestId } });
    }
  }

  private settle(key: number, media: Media) {
    if (media.status === 'completed') {
      this.update(key, { state: 'done', media });
    } else if (media.status === 'failed') {
      this.update(key, { state: 'failed', media, error: media.error && { ...media.error, requestId: '' } });
    } else {
      return;
    }
    this.byMedia.delete(media.id);
  }

  private poll() {
    if (this.polling) return;
    this.polling = true;
    this.ports.after(POLL_MS, () => {
      const some = [...this.byMedia].slice(0, POLL_AT_ONCE);
      const asked = some.map(async ([id, key]) => {
        try {
          this.settle(key, await this.ports.fetchMedia(id));
        } catch (error) {
          if (!(error instanceof ApiError) || error.status !== 404) return; // asked again later
          this.byMedia.delete(id);
          this.update(key, {
            state: 'failed',
            error: { code: 'deleted', message: '', requestId: error.requestId },
          });
        }
      });
      void Promise.all(asked).then(() => {
        this.polling = false;
        if (this.byMedia.size > 0) this.poll();
      });
    });
  }
}
