import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { thumbnailUrl } from '../api/client';
import type { Media } from '../api/types';
import { bytes, count } from '../lib/text';
import { Status } from './notes';

export type View = 'grid' | 'list';

const TILE = 180; // the least width of a tile in the grid
const GAP = 12;
const LIST_ROW = 72;

function Thumbnail({ media, className }: { media: Media; className: string }) {
  if (media.status === 'failed') {
    return (
      <span className={`${className} text-bad grid place-items-center text-2xl`} aria-hidden>
        !
      </span>
    );
  }
  return (
    <img
      src={thumbnailUrl(media.id, 320)}
      alt=""
      loading="lazy"
      className={`${className} object-cover object-[50%_20%]`}
    />
  );
}

const State = ({ media }: { media: Media }) => (
  <span className="block truncate text-xs" title={media.error?.message}>
    {media.status === 'completed' ? (
      <span className="text-soft">{media.face_count ? count(media.face_count, 'face') : 'no face'}</span>
    ) : (
      <Status status={media.status} />
    )}
    {media.error && <span className="text-bad">: {media.error.message}</span>}
  </span>
);

const Tile = ({ media }: { media: Media }) => (
  <Link href={`/photo/${media.id}`} className="card hover:border-accent flex h-full flex-col overflow-hidden">
    <Thumbnail media={media} className="bg-page min-h-0 w-full flex-1" />
    <span className="p-2">
      <span className="block truncate text-sm" title={media.filename}>
        {media.filename}
      </span>
      <State media={media} />
    </span>
  </Link>
);

const Row = ({ media }: { media: Media }) => (
  <Link
    href={`/photo/${media.id}`}
    className="border-line hover:bg-card flex h-full items-center gap-3 border-b px-1 text-sm"
  >
    <Thumbnail media={media} className="bg-card size-14 shrink-0 rounded" />
    <span className="min-w-0 flex-1">
      <span className="block truncate" title={media.filename}>
        {media.filename}
      </span>
      <State media={media} />
    </span>
    <span className="text-soft hidden shrink-0 text-right text-xs tabular-nums sm:block">
      {media.width && media.height ? `${media.width} × ${media.height}` : '—'}
      <br />
      {bytes(media.bytes)}
    </span>
  </Link>
);

interface Props {
  items: Media[];
  view: View;
  hasMore: boolean;
  onMore: () => void;
}

/** As many rows as are in sight, of lists of any length. */
export function MediaList({ items, view, hasMore, onMore }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ width: 0, top: 0 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => setPlace({ width: element.clientWidth, top: element.offsetTop });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const columns = view === 'grid' ? Math.max(2, Math.floor((place.width + GAP) / (TILE + GAP))) : 1;
  const height = view === 'grid' ? (place.width - GAP * (columns - 1)) / columns + 52 + GAP : LIST_ROW;
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

  return (
    <div
      ref={box}
      role="list"
      aria-label="Photos"
      className="relative"
      style={{ height: virtual.getTotalSize() }}
    >
      {shown.map((row) => (
        <div
          key={row.index}
          role="presentation"
          className="absolute inset-x-0 top-0 grid"
          style={{
            height: view === 'grid' ? row.size - GAP : row.size,
            transform: `translateY(${row.start - place.top}px)`,
            gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
            gap: GAP,
          }}
        >
          {items.slice(row.index * columns, (row.index + 1) * columns).map((media) => (
            <div key={media.id} role="listitem" className="min-h-0 min-w-0">
              {view === 'grid' ? <Tile media={media} /> : <Row media={media} />}
            </div>
          ))}
        </div>
      ))}
    </div>
  );
}
