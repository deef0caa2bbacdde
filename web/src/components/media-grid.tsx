import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { thumbnailUrl } from '../api/client';
import type { Media } from '../api/schema.gen';
import { reasonOf } from '../lib/error-text';
import { clock } from '../lib/format';
import { t } from '../lib/i18n';
import { useProgress } from '../lib/progress';
import { facesOf, isMoving } from '../lib/appearances';
import { AnalysisProgress } from './analysis-progress';
import { Icon } from './icon';
import { Status } from './notes';

const TILE = 180; // the least width of a tile
const GAP = 12;
const CAPTION = 54;

/** A picture that was looked at; what is still to come is not asked for while the server is busy with it. */
function Thumbnail({ media }: { media: Media }) {
  const place = 'bg-page min-h-0 w-full flex-1';
  if (media.status === 'failed') {
    return (
      <span className={`${place} text-bad grid place-items-center`}>
        <Icon name="alert" className="size-8" />
      </span>
    );
  }
  if (!media.analysed_at) return <span className={`${place} skeleton`} />;
  return (
    <img
      src={thumbnailUrl(media.id, 320)}
      alt=""
      loading="lazy"
      className={`${place} object-cover object-[50%_20%]`}
    />
  );
}

/** How long a video is, as far as that is known. */
function Badge({ media: { media_type, duration_ms } }: { media: Media }) {
  return (
    <span className="absolute right-1.5 bottom-1.5 flex items-center gap-0.5 rounded bg-black/80 px-1 text-xs leading-5 text-white tabular-nums">
      {media_type === 'video' && <Icon name="play" className="size-3" />}
      <span className="sr-only">{t(media_type === 'video' ? 'type.video' : 'type.moving')}</span>{' '}
      {duration_ms !== null && clock(duration_ms)}
    </span>
  );
}

function Tile({ media, index }: { media: Media; index: number }) {
  const progress = useProgress(media.id) && media.status === 'processing';
  return (
    <Link
      href={`/media/${media.id}`}
      data-index={index}
      className="card hover:border-accent flex h-full flex-col overflow-hidden"
    >
      <span className="relative flex min-h-0 flex-1">
        <Thumbnail media={media} />
        {isMoving(media) && <Badge media={media} />}
      </span>
      <span className="block px-2 py-1.5" style={{ height: CAPTION }}>
        <span className="block truncate text-sm" title={media.filename}>
          {media.filename}
        </span>
        {progress ? (
          <AnalysisProgress id={media.id} name={media.filename} />
        ) : (
          <span className="block truncate text-xs" title={reasonOf(media.error)}>
            {media.status === 'completed' ? (
              <span className="text-soft">{media.face_count ? facesOf(media) : t('library.no_face')}</span>
            ) : (
              <Status status={media.status} />
            )}
            {media.error && <span className="text-bad">: {media.error.message}</span>}
          </span>
        )}
      </span>
    </Link>
  );
}

interface Selection {
  ids: readonly string[];
  has: (id: string) => boolean;
  toggle: (id: string, range: boolean) => void;
}

interface Props {
  items: readonly Media[];
  selection: Selection | null;
  hasMore: boolean;
  onMore: () => void;
}

/** As many rows as are in sight, of libraries of any size. */
export function MediaGrid({ items, selection, hasMore, onMore }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ width: 0, top: 0 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => setPlace({ width: element.clientWidth, top: element.offsetTop });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    observer.observe(document.body); // what is above may grow
    return () => observer.disconnect();
  }, []);

  const columns = Math.max(2, Math.floor((place.width + GAP) / (TILE + GAP)));
  const height = (place.width - GAP * (columns - 1)) / columns + CAPTION + GAP;
  const rows = Math.ceil(items.length / columns);
  const virtual = useWindowVirtualizer({
    count: place.width > 0 ? rows : 0,
    estimateSize: () => height,
    overscan: 3,
    scrollMargin: place.top,
  });
  useEffect(() => virtual.measure(), [virtual, height]);

  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= rows - 4) onMore();
  }, [hasMore, last, rows, onMore]);

  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
  };
  const press = (event: KeyboardEvent) => {
    const link = event.target instanceof Element ? event.target.closest<HTMLElement>('a[data-index]') : null;
    if (!link) return;
    const index = Number(link.dataset['index']);
    const media = items[index];
    const step = steps[event.key];
    if (event.key === ' ' && media && selection) {
      event.preventDefault();
      selection.toggle(media.id, event.shiftKey);
    } else if (step !== undefined) {
      event.preventDefault();
      const next = index + step;
      if (next < 0 || next >= items.length) return;
      virtual.scrollToIndex(Math.floor(next / columns), { align: 'auto' });
      const focus = () => {
        const tile = box.current?.querySelector<HTMLElement>(`a[data-index="${next}"]`);
        tile?.focus({ preventScroll: true });
        return tile !== null;
      };
      if (!focus()) requestAnimationFrame(focus); // its row is drawn only now
    }
  };

  return (
    <div
      ref={box}
      role="list"
      aria-label={t('library.media')}
      className="relative"
      style={{ height: virtual.getTotalSize() }}
      onKeyDown={press}
    >
      {shown.map((row) => (
        <div
          key={row.index}
          role="presentation"
          className="absolute inset-x-0 top-0 grid"
          style={{
            height: row.size - GAP,
            transform: `translateY(${row.start - place.top}px)`,
            gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
            gap: GAP,
          }}
        >
          {items.slice(row.index * columns, (row.index + 1) * columns).map((media, i) => (
            <div
              key={media.id}
              role="listitem"
              className={`group relative min-h-0 min-w-0 rounded-lg ${selection?.has(media.id) ? 'outline-accent outline-2' : ''}`}
            >
              <Tile media={media} index={row.index * columns + i} />
              {selection && (
                <label
                  className={`bg-card/90 absolute top-1.5 left-1.5 grid size-8 place-items-center rounded-md focus-within:opacity-100 group-hover:opacity-100 pointer-coarse:opacity-100 ${
                    selection.ids.length > 0 ? '' : 'opacity-0'
                  }`}
                >
                  <input
                    type="checkbox"
                    className="accent-accent size-4"
                    aria-label={t('select.one', { name: media.filename })}
                    checked={selection.has(media.id)}
                    onChange={(event) =>
                      selection.toggle(media.id, (event.nativeEvent as MouseEvent).shiftKey)
                    }
                  />
                </label>
              )}
            </div>
          ))}
        </div>
      ))}
    </div>
  );
}

/** Before the first answer, in the place of the grid. */
export const GridSkeleton = () => (
  <div
    role="status"
    aria-label={t('state.loading')}
    className="grid grid-cols-2 gap-3 sm:grid-cols-[repeat(auto-fill,minmax(180px,1fr))]"
  >
    {Array.from({ length: 12 }, (_, i) => (
      <div key={i} className="skeleton aspect-[10/13]" />
    ))}
  </div>
);
