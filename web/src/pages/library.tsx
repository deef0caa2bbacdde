import { useDeferredValue, useState } from 'react';
import { Link } from 'wouter';
import type { MediaStatus } from '../api/types';
import { MediaList, type View } from '../components/media-list';
import { Empty, ErrorNote, Loading } from '../components/notes';
import { useMediaList, useStats } from '../lib/queries';
import { count, statusText } from '../lib/text';

const STATES: MediaStatus[] = ['pending', 'processing', 'completed', 'failed'];

export function LibraryPage() {
  const [status, setStatus] = useState<MediaStatus | ''>('');
  const [q, setQ] = useState('');
  const [view, setView] = useState<View>('grid');
  const filter = { status, q: useDeferredValue(q.trim()) };
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetching } = useMediaList(filter);
  const { data: stats } = useStats();
  const items = data?.pages.flatMap((page) => page.items) ?? [];
  const filtered = status !== '' || filter.q !== '';

  return (
    <>
      <title>Library – Facet</title>
      <div className="mb-4 flex flex-wrap items-end gap-3">
        <h1 className="mr-auto">
          Library
          {stats && (
            <span className="text-soft ml-3 text-sm font-normal tracking-normal">
              {count(stats.media.total, 'photo')}, {count(stats.faces, 'face')}
            </span>
          )}
        </h1>
        <input
          type="search"
          className="field w-full sm:w-56"
          placeholder="Part of the file name"
          aria-label="Part of the file name"
          value={q}
          onChange={(event) => setQ(event.target.value)}
        />
        <select
          className="field"
          aria-label="Status"
          value={status}
          onChange={(event) => setStatus(event.target.value as MediaStatus | '')}
        >
          <option value="">Any status</option>
          {STATES.map((state) => (
            <option key={state} value={state}>
              {statusText(state)}
            </option>
          ))}
        </select>
        <button
          type="button"
          className="button"
          aria-pressed={view === 'list'}
          onClick={() => setView(view === 'grid' ? 'list' : 'grid')}
        >
          {view === 'grid' ? 'Show as list' : 'Show as grid'}
        </button>
      </div>
      {error && <ErrorNote error={error} retry={() => void refetch()} />}
      {!data && !error && <Loading />}
      {data && items.length === 0 && !isFetching && (
        <Empty title={filtered ? 'Nothing fits' : 'No photos yet'}>
          {filtered ? (
            <p>No photo has this status and this in its name.</p>
          ) : (
            <p>
              <Link href="/add" className="link">
                Add photos
              </Link>
              , drop them anywhere on this page, or put them into the folder <code>./data/watch</code>.
            </p>
          )}
        </Empty>
      )}
      {data && (
        <MediaList
          items={items}
          view={view}
          hasMore={hasNextPage && !isFetching && !error}
          onMore={() => void fetchNextPage()}
        />
      )}
    </>
  );
}
