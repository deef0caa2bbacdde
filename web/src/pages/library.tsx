import { useCallback, useState } from 'react';
import { Confirm } from '../components/confirm';
import { Select } from '../components/field';
import { Icon } from '../components/icon';
import { CommonFilters, TextFilter } from '../components/media-filters';
import { GridSkeleton, MediaGrid } from '../components/media-grid';
import { Empty, ErrorNote } from '../components/notes';
import { Page } from '../components/page';
import { Picker } from '../components/picker';
import { UrlDialog } from '../components/url-dialog';
import { useDeleteMedia } from '../lib/actions';
import {
  ALL_MEDIA,
  isNarrowed,
  type MediaFilter,
  NO_FILTER,
  readFilter,
  SORTS,
  STATUSES,
  useFilter,
} from '../lib/filters';
import { count } from '../lib/format';
import { t } from '../lib/i18n';
import { addFiles } from '../lib/intake';
import { useMediaList, useStats } from '../lib/queries';
import { useSelection } from '../lib/selection';
import { useMay } from '../lib/session';

function AddButtons({ collection }: { collection: string }) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Picker id="add-files" multiple className="button button-main" onFiles={addFiles}>
        <Icon name="add" />
        {t('library.add')}
      </Picker>
      <Picker id="add-folder" folder multiple onFiles={addFiles}>
        <Icon name="folder" />
        <span className="max-sm:sr-only">{t('library.folder')}</span>
      </Picker>
      <button type="button" className="button" onClick={() => setAsking(true)}>
        <Icon name="link" />
        <span className="max-sm:sr-only">{t('library.url')}</span>
      </button>
      {asking && <UrlDialog collection={collection} onClose={() => setAsking(false)} />}
    </>
  );
}

interface FilterProps {
  filter: MediaFilter;
  onChange: (change: Partial<MediaFilter>) => void;
}

function Filters({ filter, onChange }: FilterProps) {
  const common = readFilter(NO_FILTER, new URLSearchParams({ ...filter }));
  const [more, setMore] = useState(isNarrowed(common));
  const byName = useCallback((q: string) => onChange({ q }), [onChange]);
  return (
    <section aria-label={t('filter.label')} className="mb-4 space-y-3">
      <div className="grid grid-cols-2 items-center gap-2 sm:flex sm:flex-wrap">
        <TextFilter
          bare
          search
          className="max-sm:col-span-2 sm:w-60"
          label={t('filter.q')}
          value={filter.q}
          onChange={byName}
        />
        <Select
          bare
          label={t('filter.status')}
          value={filter.status}
          onChange={(event) => onChange({ status: event.target.value })}
          options={[
            ['', t('filter.any_status')],
            ...STATUSES.map((one) => [one, t(`status.${one}`)] as const),
          ]}
        />
        <Select
          bare
          label={t('filter.sort')}
          value={filter.sort || '-created_at'}
          onChange={(event) =>
            onChange({ sort: event.target.value === '-created_at' ? '' : event.target.value })
          }
          options={SORTS.map((one) => [one, t(`sort.${one}`)] as const)}
        />
        <button type="button" className="button" aria-expanded={more} onClick={() => setMore(!more)}>
          {t('filter.more')}
          <Icon name={more ? 'up' : 'down'} className="size-4" />
        </button>
        {isNarrowed(filter) && (
          <button
            type="button"
            className="button"
            onClick={() => onChange({ ...ALL_MEDIA, sort: filter.sort })}
          >
            <Icon name="close" className="size-4" />
            {t('filter.clear')}
          </button>
        )}
      </div>
      {more && (
        <div className="card grid grid-cols-2 gap-3 p-3 sm:grid-cols-3 lg:grid-cols-6">
          <CommonFilters filter={common} onChange={onChange} />
        </div>
      )}
    </section>
  );
}

export function LibraryPage() {
  const [filter, change] = useFilter(ALL_MEDIA);
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetching } = useMediaList(filter);
  const { data: stats } = useStats();
  const mayAdd = useMay('write');
  const items = data?.pages.flatMap((page) => page.items) ?? [];
  const selection = useSelection(items.map(({ id }) => id));
  const remove = useDeleteMedia(selection.clear);
  const narrowed = isNarrowed(filter);
  const chosen = selection.ids.length;
  return (
    <Page
      title={t('library.title')}
      aside={
        stats && `${count(stats.media['total'] ?? 0, 'count.media')}, ${count(stats.faces, 'count.faces')}`
      }
      actions={mayAdd && <AddButtons collection={filter.collection} />}
    >
      {(narrowed || stats?.media['total'] !== 0) && <Filters filter={filter} onChange={change} />}
      {error && (
        <div className="mb-4">
          <ErrorNote error={error} retry={() => void refetch()} />
        </div>
      )}
      {!data && !error && <GridSkeleton />}
      {data && items.length === 0 && !isFetching && (
        <Empty
          title={narrowed ? t('library.nothing_fits') : t('library.empty')}
          actions={
            narrowed && (
              <button type="button" className="button" onClick={() => change(ALL_MEDIA)}>
                {t('filter.clear')}
              </button>
            )
          }
        >
          <p>{narrowed ? t('library.nothing_fits_text') : t('library.empty_text')}</p>
          {!narrowed && <p>{t('library.formats')}</p>}
        </Empty>
      )}
      {data && (
        <MediaGrid
          items={items}
          selection={mayAdd ? selection : null}
          hasMore={hasNextPage && !isFetching && !error}
          onMore={() => void fetchNextPage()}
        />
      )}
      {chosen > 0 && (
        <section
          aria-label={t('select.bar')}
          className="card fixed inset-x-3 top-16 z-10 mx-auto flex max-w-2xl flex-wrap items-center gap-2 p-2 shadow-lg"
        >
          <p role="status" className="mr-auto px-2 text-sm font-medium">
            {t('select.count', { n: chosen })}
          </p>
          <button type="button" className="button" onClick={selection.all}>
            {t('select.all')}
          </button>
          <button type="button" className="button" onClick={selection.clear}>
            {t('select.clear')}
          </button>
          <Confirm
            label={t('act.delete')}
            question={t('delete.media', { n: chosen })}
            disabled={remove.isPending}
            onConfirm={() => remove.mutate(selection.ids)}
          >
            {t('delete.text')}
          </Confirm>
        </section>
      )}
    </Page>
  );
}
