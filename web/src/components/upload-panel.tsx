import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { reasonOf } from '../lib/error-text';
import { facesOf } from '../lib/appearances';
import { bytes, percent } from '../lib/format';
import { t } from '../lib/i18n';
import { isOpen, retryable, type Upload } from '../lib/queue';
import { uploads, useUploads } from '../lib/state';
import { AnalysisProgress } from './analysis-progress';
import { Check } from './field';
import { Icon } from './icon';

const ROW = 56;

function outcome(upload: Upload): [text: string, colour: string] {
  switch (upload.state) {
    case 'waiting':
      return [upload.tries > 0 ? t('upload.busy') : t('upload.waiting'), 'text-soft'];
    case 'sending':
      return [t('upload.sending', { percent: percent(upload.sent), speed: bytes(upload.speed) }), 'text-ink'];
    case 'processing':
      return [t('upload.processing'), 'text-fair'];
    case 'done':
      return [upload.media?.face_count ? facesOf(upload.media) : t('upload.no_face'), 'text-good'];
    case 'duplicate':
      return [t('upload.duplicate'), 'text-soft'];
    case 'rejected':
      return [t('upload.rejected', { reason: reasonOf(upload.error) }), 'text-bad'];
    case 'failed':
      return [t('upload.failed', { reason: reasonOf(upload.error) }), 'text-bad'];
    case 'cancelled':
      return [t('upload.cancelled'), 'text-soft'];
  }
}

function Row({ upload }: { upload: Upload }) {
  const [text, colour] = outcome(upload);
  const name = upload.file.name;
  const request = upload.error?.requestId && t('error.request', { id: upload.error.requestId });
  return (
    <div className="border-line flex min-h-14 items-center gap-2 border-b py-1.5 pl-3 text-sm">
      <div className="min-w-0 flex-1">
        <div className="flex items-baseline gap-2">
          <span className="min-w-0 truncate" title={upload.file.webkitRelativePath || name}>
            {upload.media ? (
              <Link href={`/media/${upload.media.id}`} className="link">
                {name}
              </Link>
            ) : (
              name
            )}
          </span>
          <span className="text-soft ml-auto shrink-0 text-xs tabular-nums">{bytes(upload.file.size)}</span>
        </div>
        <p className={`text-xs break-words tabular-nums ${colour}`}>
          {text}
          {request && <span className="text-soft block">{request}</span>}
        </p>
        {upload.state === 'processing' && upload.media && (
          <AnalysisProgress id={upload.media.id} name={name} />
        )}
        {upload.state === 'sending' && (
          <progress className="bar h-1" value={upload.sent} aria-label={t('upload.sent', { name })} />
        )}
      </div>
      <div className="w-10 shrink-0">
        {(upload.state === 'waiting' || upload.state === 'sending') && (
          <button
            type="button"
            className="icon-button"
            aria-label={t('upload.cancel', { name })}
            onClick={() => uploads.cancel(upload.key)}
          >
            <Icon name="close" className="size-4" />
          </button>
        )}
        {retryable(upload) && (
          <button
            type="button"
            className="icon-button"
            aria-label={t('upload.retry', { name })}
            onClick={() => uploads.retry(upload.key)}
          >
            <Icon name="retry" className="size-4" />
          </button>
        )}
      </div>
    </div>
  );
}

function Rows({ rows }: { rows: readonly Upload[] }) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 6,
  });
  return (
    <div
      ref={box}
      className="max-h-[40vh] overflow-y-auto"
      tabIndex={0}
      role="group"
      aria-label={t('upload.files')}
    >
      <div role="list" className="relative" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const upload = rows[item.index];
          return (
            upload && (
              <div
                key={upload.key}
                ref={virtual.measureElement}
                data-index={item.index}
                role="listitem"
                aria-setsize={rows.length}
                aria-posinset={item.index + 1}
                className="absolute inset-x-0 top-0"
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <Row upload={upload} />
              </div>
            )
          );
        })}
      </div>
    </div>
  );
}

/** All uploads of this page, beside whatever else is done. */
export function UploadPanel() {
  const snapshot = useUploads();
  const { uploads: all, counts, speed } = snapshot;
  const [folded, setFolded] = useState(false);
  const [onlyProblems, setOnlyProblems] = useState(false);
  const unsent = counts.waiting + counts.sending;
  const open = isOpen(snapshot);

  useEffect(() => {
    if (unsent === 0) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [unsent]);

  if (all.length === 0) return null;
  const done = all.length - unsent - counts.processing;
  const problems = counts.rejected + counts.failed;
  const rows = onlyProblems && problems > 0 ? all.filter(({ state }) => /rejected|failed/.test(state)) : all;
  return (
    <section
      aria-label={t('upload.title')}
      className="card fixed right-3 bottom-3 z-20 w-[calc(100vw-1.5rem)] overflow-hidden shadow-lg sm:w-104 print:hidden"
    >
      <div className="flex items-center gap-1 py-1 pr-1 pl-3">
        <div className="mr-auto min-w-0 text-sm">
          <p role="status" className="truncate font-medium tabular-nums">
            {open ? t('upload.progress', { done, all: all.length }) : t('upload.finished', { n: all.length })}
          </p>
          <p className="text-soft truncate text-xs tabular-nums">
            {[
              counts.sending > 0 && t('upload.speed', { speed: bytes(speed) }),
              counts.duplicate > 0 && t('upload.duplicates', { n: counts.duplicate }),
              problems > 0 && t('upload.problems', { n: problems }),
            ]
              .filter(Boolean)
              .join(', ')}
          </p>
        </div>
        <button
          type="button"
          className="icon-button"
          aria-expanded={!folded}
          aria-label={folded ? t('upload.expand') : t('upload.collapse')}
          onClick={() => setFolded(!folded)}
        >
          <Icon name={folded ? 'up' : 'down'} />
        </button>
        {!open && (
          <button
            type="button"
            className="icon-button"
            aria-label={t('act.close')}
            onClick={() => uploads.clear()}
          >
            <Icon name="close" />
          </button>
        )}
      </div>
      <progress className="bar h-1" value={done} max={all.length} aria-label={t('upload.title')} />
      {!folded && (
        <>
          <Rows rows={rows} />
          <div className="border-line flex flex-wrap items-center gap-2 border-t p-2 empty:hidden">
            {problems > 0 && (
              <Check
                label={t('upload.only_problems')}
                checked={onlyProblems}
                onChange={(event) => setOnlyProblems(event.target.checked)}
              />
            )}
            {unsent > 0 && (
              <button
                type="button"
                className="button button-small ml-auto"
                onClick={() => uploads.cancelAll()}
              >
                {t('upload.cancel_all')}
              </button>
            )}
            {all.some(retryable) && (
              <button
                type="button"
                className="button button-small ml-auto"
                onClick={() => uploads.retryAll()}
              >
                {t('upload.retry_all')}
              </button>
            )}
          </div>
        </>
      )}
    </section>
  );
}
