import { ApiError } from '../api/client';
import { named, t } from './i18n';

/** What is wrong with what was filled in: nothing was sent. The message is a text of the page. */
export class FormError extends Error {}

export interface ErrorText {
  title: string;
  detail: string; // what the server said
  request: string;
  final: boolean; // asking again gives the same
}

export function errorText(error: unknown): ErrorText {
  if (error instanceof FormError) return { title: error.message, detail: '', request: '', final: true };
  if (!(error instanceof ApiError)) {
    return { title: t('error.unknown'), detail: String(error), request: '', final: false };
  }
  return {
    title: named('error', error.code),
    detail: error.status === 0 ? '' : error.message,
    request: error.requestId && t('error.request', { id: error.requestId }),
    final: error.status >= 400 && error.status < 500 && error.status !== 429,
  };
}

/** In one line, as a reason. */
export const reasonOf = (error: { code: string; message: string } | null) =>
  error ? [named('error', error.code), error.message].filter(Boolean).join(': ') : '';

/** Codes of the error envelope with their statuses; /docs explains them where `error.type` points. */
export const ERROR_CODES = [
  ['invalid_argument', 400],
  ['unauthorized', 401],
  ['forbidden', 403],
  ['address_refused', 403],
  ['not_found', 404],
  ['method_not_allowed', 405],
  ['request_timeout', 408],
  ['conflict', 409],
  ['precondition_failed', 412],
  ['too_large', 413],
  ['unsupported_media', 415],
  ['corrupt', 422],
  ['face_not_found', 422],
  ['fetch_failed', 422],
  ['idempotency_mismatch', 422],
  ['too_many_requests', 429],
  ['headers_too_large', 431],
  ['internal', 500],
  ['busy', 503],
  ['cancelled', 503],
  ['unavailable', 503],
  ['deadline', 504],
] as const;
