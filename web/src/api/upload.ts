import { ApiError, errorOf, unreachable } from './client';
import type { UploadAnswer } from './types';

/** Sends one file. XMLHttpRequest, because fetch does not tell how much has been sent. */
export function sendFile(file: File, onProgress: (fraction: number) => void): Promise<UploadAnswer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', '/v1/media');
    request.responseType = 'json';
    request.upload.onprogress = (event) => {
      if (event.lengthComputable && event.total > 0) onProgress(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status >= 200 && request.status < 300 && request.response) {
        resolve(request.response as UploadAnswer);
      } else {
        reject(errorOf(request.status, request.response, request.getResponseHeader('x-request-id') ?? ''));
      }
    };
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(new ApiError(0, 'cancelled', 'cancelled', ''));
    const form = new FormData();
    form.append('file', file);
    request.send(form);
  });
}
