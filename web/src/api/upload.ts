import { ApiError, csrfHeaders, errorOf, sawStatus, unreachable } from './client';
import type { UploadResult } from './schema.gen';

export const cancelled = () => new ApiError(0, 'cancelled', 'cancelled', '');

/** Sends one file. XMLHttpRequest, because fetch does not tell how much has been sent. */
export function sendFile(
  file: File,
  collection: string | null,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
): Promise<UploadResult> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/v1/media${collection ? `?collection=${encodeURIComponent(collection)}` : ''}`);
    for (const [name, value] of Object.entries(csrfHeaders())) request.setRequestHeader(name, value);
    request.responseType = 'json';
    request.upload.onprogress = (event) => {
      if (event.lengthComputable && event.total > 0) onProgress(event.loaded / event.total);
    };
    request.onload = () => {
      sawStatus(request.status);
      if (request.status >= 200 && request.status < 300 && request.response) {
        resolve(request.response as UploadResult);
      } else {
        reject(errorOf(request.status, request.response, request.getResponseHeader('x-request-id') ?? ''));
      }
    };
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(cancelled());
    signal.addEventListener('abort', () => request.abort());
    const form = new FormData();
    form.append('file', file);
    request.send(form);
  });
}
