import { uploads } from './state';

/** Into the collection that the library shows, if it shows one. */
function collectionInSight(): string | null {
  const shown =
    window.location.pathname === '/' && new URLSearchParams(window.location.search).get('collection');
  return shown && !shown.includes(',') ? shown : null;
}

export const addFiles = (files: readonly File[]) => uploads.add(files, collectionInSight());
