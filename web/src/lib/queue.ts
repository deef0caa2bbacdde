import { ApiError } from '../api/client';
import type { MediaEvent } from '../api/events';
import type { Media, UploadAnswer } from '../api/types';

export type UploadState = 'waiting' | 'sending' | 'processing' | 'done' | 'duplicate' | 'rejected' | 'failed';

export interface Upload {
  key: number;
  file: File;
  state: UploadState;
  sent: number; // 0 to 1
  media: Media | null;
  reason: string;
  requestId: string;
  tries: number;
}

export interface Snapshot {
  uploads: readonly Upload[];
  counts: Readonly<Record<UploadState, number>>;
}

export interface Ports {
  send: (file: File, onProgress: (sent: number) => void) => Promise<UploadAnswer>;
  fetchMedia: (id: string) => Promise<Media>;
  after: (milliseconds: number, run: () => void) => void;
}

const PARALLEL = 3;
const NOTIFY_MS = 100;
const POLL_MS = 4000;
const POLL_AT_ONCE = 10;
const BUSY_MS = 2000;
const BUSY_TRIES = 30;
const REMEMBERED = 500;

const EMPTY = { waiting: 0, sending: 0, processing: 0, done: 0, duplicate: 0, rejected: 0, failed: 0 };

/**
 * Sends files a few at a time and follows what becomes of them. Listeners hear at most ten times a
 * second, however many files there are. The outcome comes by event; polling covers lost events.
 */
export class UploadQueue {
  private all: Upload[] = [];
  private next = 0; // all before this one have been started
  private retries: Upload[] = [];
  private byMedia = new Map<string, Upload>();
  private early = new Map<string, Media>(); // events that outran the answer to the upload
  private snapshot: Snapshot = { uploads: [], counts: EMPTY };
  private listeners = new Set<() => void>();
  private sending = 0;
  private notifying = false;
  private polling = false;

  constructor(private readonly ports: Ports) {}

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  getSnapshot = () => this.snapshot;

  add(files: readonly File[]) {
    for (const file of files) {
      this.all.push({
        key: this.all.length,
        file,
        state: 'waiting',
        sent: 0,
        media: null,
        reason: '',
        requestId: '',
        tries: 0,
      });
    }
    this.changed();
    this.pump();
  }

  /** Starts again what failed on the way (not what the server refused or could not read). */
  retryFailed() {
    for (const upload of this.all) {
      if (upload.state !== 'failed' || upload.media) continue;
      this.update(upload, { state: 'waiting', reason: '', requestId: '', tries: 0 });
      this.retries.push(this.at(upload));
    }
    this.pump();
  }

  onEvent(event: MediaEvent) {
    if (event.type === 'reset' || event.type === 'deleted') return;
    const upload = this.byMedia.get(event.media.id);
    if (upload) {
      this.settle(upload, event.media);
      return;
    }
    this.early.delete(event.media.id);
    this.early.set(event.media.id, event.media);
    const oldest = this.early.keys().next().value;
    if (this.early.size > REMEMBERED && oldest !== undefined) this.early.delete(oldest);
  }

  private at = (upload: Upload): Upload => this.all[upload.key] ?? upload;

  private update(upload: Upload, change: Partial<Upload>) {
    this.all[upload.key] = { ...this.at(upload), ...change };
    this.changed();
  }

  private changed() {
    if (this.notifying) return;
    this.notifying = true;
    this.ports.after(NOTIFY_MS, () => {
      this.notifying = false;
      const counts = { ...EMPTY };
      for (const upload of this.all) counts[upload.state] += 1;
      this.snapshot = { uploads: [...this.all], counts };
      for (const listener of this.listeners) listener();
    });
  }

  private pump() {
    while (this.sending < PARALLEL) {
      const upload = this.retries.shift() ?? this.all[this.next];
      if (!upload) return;
      if (upload === this.all[this.next]) this.next += 1;
      this.sending += 1;
      void this.send(upload).finally(() => {
        this.sending -= 1;
        this.pump();
      });
    }
  }

  private async send(upload: Upload) {
    this.update(upload, { state: 'sending', sent: 0 });
    try {
      const answer = await this.ports.send(upload.file, (sent) => this.update(upload, { sent }));
      this.received(upload, answer);
    } catch (error) {
      this.refused(upload, error);
    }
  }

  private received(upload: Upload, answer: UploadAnswer) {
    const accepted = answer.accepted[0];
    if (!accepted) {
      this.update(upload, { state: 'rejected', reason: answer.rejected[0]?.error.message ?? 'refused' });
    } else if (accepted.duplicate) {
      this.update(upload, { state: 'duplicate', sent: 1, media: accepted.media });
    } else {
      const { media } = accepted;
      this.update(upload, { state: 'processing', sent: 1, media });
      this.byMedia.set(media.id, upload);
      this.settle(upload, this.early.get(media.id) ?? media);
      this.early.delete(media.id);
      this.poll();
    }
  }

  private refused(upload: Upload, error: unknown) {
    const api = error instanceof ApiError ? error : new ApiError(0, 'unknown', String(error), '');
    const { tries } = this.at(upload);
    if (api.status === 503 && tries < BUSY_TRIES) {
      this.update(upload, { state: 'waiting', sent: 0, tries: tries + 1 });
      this.ports.after(BUSY_MS, () => {
        this.retries.push(this.at(upload));
        this.pump();
      });
      return;
    }
    const state = api.status >= 400 && api.status < 500 ? 'rejected' : 'failed';
    this.update(upload, { state, reason: api.message, requestId: api.requestId });
  }

  private settle(upload: Upload, media: Media) {
    if (media.status === 'completed') {
      this.update(upload, { state: 'done', media });
    } else if (media.status === 'failed') {
      this.update(upload, { state: 'failed', media, reason: media.error?.message ?? '' });
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
      const asked = some.map(async ([id, upload]) => {
        try {
          this.settle(upload, await this.ports.fetchMedia(id));
        } catch (error) {
          if (!(error instanceof ApiError) || error.status !== 404) return; // asked again later
          this.byMedia.delete(id);
          this.update(upload, { state: 'failed', reason: 'deleted meanwhile' });
        }
      });
      void Promise.all(asked).then(() => {
        this.polling = false;
        if (this.byMedia.size > 0) this.poll();
      });
    });
  }
}
