import { useSyncExternalStore } from 'react';
import { api, ask, byId } from '../api/client';
import { sendFile } from '../api/upload';
import { cell } from './cell';
import { UploadQueue } from './queue';

export const uploads = new UploadQueue({
  send: sendFile,
  fetchMedia: (id) => ask(api.GET('/v1/media/{id}', byId(id))),
  after: (milliseconds, run) => void setTimeout(run, milliseconds),
  now: () => performance.now(),
});

export const useUploads = () => useSyncExternalStore(uploads.subscribe, uploads.getSnapshot);

/** The picture searched with. It lives in this page only, and survives a look at a result. */
export interface QueryPhoto {
  key: number;
  file: File;
  url: string;
}

const photo = cell<QueryPhoto | null>(null);
let photos = 0;

export function setQueryPhoto(file: File) {
  const old = photo.get();
  if (old) URL.revokeObjectURL(old.url);
  photo.set({ key: (photos += 1), file, url: URL.createObjectURL(file) });
}

export const useQueryPhoto = photo.use;
