import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { Empty } from '../components/notes';
import { Picker } from '../components/picker';
import { isClutter } from '../lib/files';
import type { Upload } from '../lib/queue';
import { uploads, useUploads } from '../lib/state';
import { bytes, count } from '../lib/text';

function outcome(upload: Upload): [string, string] {
  switch (upload.state) {
    case 'waiting':
      return [upload.tries > 0 ? 'The server is busy, waiting' : 'Waiting', 'text-soft'];
    case 'sending':
      return [`Sending, ${Math.floor(upload.sent * 100)} %`, 'text-ink'];
    case 'processing':
      return ['Looking for faces', 'text-fair'];
    case 'done':
      return [
        upload.media?.face_count ? count(upload.media.face_count, 'face') : 'No face found',
        'text-good',
      ];
    case 'duplicate':
      return ['Already in the library', 'text-soft'];
    case 'rejected':
      return [`Refused: ${upload.reason}`, 'text-bad'];
    case 'failed':
      return [`Failed: ${upload.reason}`, 'text-bad'];
  }
}

function Row({ upload }: { upload: Upload }) {
  const [text, colour] = outcome(upload);
  return (
    <div className="border-line flex h-full flex-col justify-center border-b px-4 text-sm">
      <div className="flex items-baseline gap-3">
        <span className="min-w-0 truncate" title={upload.file.webkitRelativePath || upload.file.name}>
          {upload.media ? (
            <Link href={`/photo/${upload.media.id}`} className="link">
              {upload.file.name}
            </Link>
          ) : (
            upload.file.name
          )}
        </span>
        <span className="text-soft ml-auto shrink-0 text-xs tabular-nums">{bytes(upload.file.size)}</span>
      </div>
      <div className="flex items-center gap-3">
        <span
          className={`truncate text-xs ${colour}`}
          title={upload.requestId ? `${text} (request ${upload.requestId})` : text}
        >
          {text}
          {upload.requestId && <span className="text-soft"> · request {upload.requestId}</span>}
        </span>
        {upload.state === 'sending' && (
          <progress
            className="accent-accent ml-auto h-1.5 w-32 shrink-0"
            value={upload.sent}
            aria-label={`${upload.file.name} sent`}
          />
        )}
      </div>
    </div>
  );
}

function List({ rows }: { rows: readonly Upload[] }) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => setTop(box.current?.offsetTop ?? 0), []);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => 56,
    overscan: 10,
    scrollMargin: top,
  });
  return (
    <div
      ref={box}
      role="list"
      aria-label="Files"
      className="card relative"
      style={{ height: virtual.getTotalSize() + 2 }}
    >
      {virtual.getVirtualItems().map((item) => {
        const upload = rows[item.index];
        return (
          upload && (
            <div
              key={upload.key}
              role="listitem"
              aria-setsize={rows.length}
              aria-posinset={item.index + 1}
              className="absolute inset-x-0 top-0"
              style={{ height: item.size, transform: `translateY(${item.start - top}px)` }}
            >
              <Row upload={upload} />
            </div>
          )
        );
      })}
    </div>
  );
}

export function AddPage() {
  const { uploads: all, counts } = useUploads();
  const [onlyProblems, setOnlyProblems] = useState(false);
  const open = counts.waiting + counts.sending + counts.processing;
  const problems = counts.rejected + counts.failed;
  const retryable = all.some((upload) => upload.state === 'failed' && !upload.media);
  const unsent = counts.waiting + counts.sending;

  useEffect(() => {
    if (unsent === 0) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [unsent]);

  const rows = onlyProblems && problems > 0 ? all.filter((one) => /rejected|failed/.test(one.state)) : all;
  const add = (files: File[]) => uploads.add(files.filter((file) => !isClutter(file.name)));
  return (
    <>
      <title>Add photos – Facet</title>
      <h1>Add photos</h1>
      <div className="my-4 flex flex-wrap gap-2">
        <Picker id="add-files" main multiple onFiles={add}>
          Choose photos
        </Picker>
        <Picker id="add-folder" folder multiple onFiles={add}>
          Choose a folder
        </Picker>
      </div>
      {all.length === 0 ? (
        <Empty title="Drop photos or whole folders anywhere on this page">
          <p>
            JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC, AVIF and more. They stay on this machine. Files put into
            the folder <code>./data/watch</code> are taken in by themselves.
          </p>
        </Empty>
      ) : (
        <>
          <div className="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2 text-sm">
            <p role="status">
              {open > 0
                ? `${all.length - open} of ${all.length} finished`
                : `${count(all.length, 'file')} finished`}
              {counts.duplicate > 0 && `, ${counts.duplicate} already there`}
              {problems > 0 && `, ${problems} refused or failed`}
            </p>
            {problems > 0 && (
              <label className="flex items-center gap-2">
                <input
                  type="checkbox"
                  checked={onlyProblems}
                  onChange={(event) => setOnlyProblems(event.target.checked)}
                />
                Only what was refused or failed
              </label>
            )}
            {retryable && (
              <button type="button" className="button" onClick={() => uploads.retryFailed()}>
                Try the failed ones again
              </button>
            )}
          </div>
          <List rows={rows} />
        </>
      )}
    </>
  );
}
