import type { ReactNode } from 'react';
import { ApiError } from '../api/client';
import type { MediaStatus } from '../api/types';
import { statusText } from '../lib/text';

export function ErrorNote({ error, retry }: { error: unknown; retry?: () => void }) {
  const message = error instanceof Error ? error.message : String(error);
  const id = error instanceof ApiError ? error.requestId : '';
  return (
    <div role="alert" className="card border-bad p-4 text-sm">
      <p className="text-bad font-medium">{message}</p>
      {id && <p className="text-soft mt-1 break-all">Request {id}</p>}
      {retry && (
        <button type="button" className="button mt-3" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="card border-dashed px-4 py-10 text-center">
      <h2>{title}</h2>
      <div className="text-soft mx-auto mt-2 max-w-prose text-sm">{children}</div>
    </div>
  );
}

const COLOURS: Record<MediaStatus, string> = {
  pending: 'text-soft',
  processing: 'text-fair',
  completed: 'text-good',
  failed: 'text-bad',
};

export const Status = ({ status }: { status: MediaStatus }) => (
  <span className={COLOURS[status]}>{statusText(status)}</span>
);

export const Loading = () => (
  <p role="status" className="text-soft py-6 text-sm">
    Loading …
  </p>
);
