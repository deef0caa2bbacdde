import { useSyncExternalStore } from 'react';
import { getMedia } from '../api/client';
import { sendFile } from '../api/upload';
import { UploadQueue } from './queue';

export const uploads = new UploadQueue({
  send: sendFile,
  fetchMedia: getMedia,
  after: (milliseconds, run) => void setTimeout(run, milliseconds),
});

export const useUploads = () => useSyncExternalStore(uploads.subscribe, uploads.getSnapshot);

/** The picture searched with. It lives in this page only, and survives a look at a result. */
export interface QueryPhoto {
  key: number;
  file: File;
  url: string;
}

let photo: QueryPhoto | null = null;
const listeners = new Set<() => void>();

export function setQueryPhoto(file: File | null) {
  if (photo) URL.revokeObjectURL(photo.url);
  photo = file && { key: (photo?.key ?? 0) + 1, file, url: URL.createObjectURL(file) };
  for (const listener of listeners) listener();
}

export const useQueryPhoto = () =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    () => photo,
  );
