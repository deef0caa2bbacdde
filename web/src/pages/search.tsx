import { useState } from 'react';
import { Link, useLocation, useSearchParams } from 'wouter';
import type { SearchResult } from '../api/schema.gen';
import { CameraDialog } from '../components/camera-dialog';
import { CopyButton } from '../components/copy';
import { Check, Select } from '../components/field';
import { Icon } from '../components/icon';
import { CommonFilters } from '../components/media-filters';
import { Empty, ErrorNote } from '../components/notes';
import { Page } from '../components/page';
import { Picker } from '../components/picker';
import { SavedSearches, SaveDialog } from '../components/saved-searches';
import { SearchResults } from '../components/search-results';
import { PhotoSource, StoredSource } from '../components/search-source';
import { Threshold } from '../components/threshold';
import { isNarrowed, useFilter } from '../lib/filters';
import { duration, percent } from '../lib/format';
import { t } from '../lib/i18n';
import { useStats } from '../lib/queries';
import {
  ANY_FACE,
  groupByMedia,
  photoAddress,
  SEARCH_LIMIT,
  type SearchFilter,
  type Source,
  thresholdOf,
  useSearch,
} from '../lib/searching';
import { useMay } from '../lib/session';
import { setQueryPhoto, useQueryPhoto } from '../lib/state';

const MIN = 'min'; // of the address: the threshold

const NothingStored = () => (
  <Empty
    title={t('search.nothing_stored')}
    actions={
      <Link href="/" className="button button-main">
        {t('nav.library')}
      </Link>
    }
  >
    <p>{t('search.nothing_stored_text')}</p>
  </Empty>
);

function Start() {
  const { data: stats } = useStats();
  return (
    <>
      {stats?.media['total'] === 0 ? (
        <NothingStored />
      ) : (
        <Empty title={t('search.start')} icon="search">
          <p>{t('search.start_text')}</p>
          <p className="min-h-5">{stats && t('search.start_among', { n: stats.faces })}</p>
        </Empty>
      )}
      <SavedSearches />
    </>
  );
}

function Found({ answer, threshold }: { answer: SearchResult; threshold: number }) {
  const hits = answer.results.filter((hit) => hit.cosine >= threshold);
  if (answer.searched_faces === 0 && answer.results.length === 0) return <NothingStored />;
  const time = duration(answer.timings_ms.total);
  const searched = t('search.searched', { n: answer.searched_faces, time });
  if (hits.length === 0) {
    return (
      <Empty title={t('search.none')} icon="search">
        <p>
          {searched} {answer.results.length > 0 && t('search.weaker')}
        </p>
      </Empty>
    );
  }
  return (
    <>
      <SearchResults groups={groupByMedia(hits)} />
      <p className="text-soft text-sm">
        {searched} {answer.results.length === SEARCH_LIMIT && t('search.limited', { n: SEARCH_LIMIT })}
      </p>
    </>
  );
}

const QUALITIES = ['0.2', '0.4', '0.6', '0.8'];

interface NarrowProps {
  filter: SearchFilter;
  onChange: (change: Partial<SearchFilter>) => void;
}

function Narrow({ filter, onChange }: NarrowProps) {
  return (
    <details className="card p-4" open={isNarrowed({ ...filter, collapse: '' })}>
      <summary className="text-sm font-semibold">{t('filter.label')}</summary>
      <div className="mt-3 grid grid-cols-2 gap-3">
        <CommonFilters filter={filter} onChange={onChange} />
        <Select
          label={t('filter.min_quality')}
          value={filter.min_quality}
          onChange={(event) => onChange({ min_quality: event.target.value })}
          options={[['', '0'], ...QUALITIES.map((one) => [one, percent(Number(one))] as const)]}
        />
        {isNarrowed({ ...filter, collapse: '' }) && (
          <button
            type="button"
            className="button self-end"
            onClick={() => onChange({ ...ANY_FACE, collapse: filter.collapse })}
          >
            {t('filter.clear')}
          </button>
        )}
      </div>
    </details>
  );
}

function Searched({ source, onFace }: { source: Source; onFace: (face: string) => void }) {
  const [filter, change] = useFilter(ANY_FACE);
  const [params, setParams] = useSearchParams();
  const { data, error, isFetching, refetch } = useSearch(source, filter);
  const mayWrite = useMay('write');
  const [saving, setSaving] = useState(false);
  const answer = error ? undefined : data;
  // A saved search holds nothing below its own threshold.
  const least = source.kind === 'saved' ? (answer?.thresholds.used ?? 0) : 0;
  const usual = source.kind === 'saved' ? least : (answer?.thresholds.likely ?? 0);
  const threshold = thresholdOf(params.get(MIN), usual, least);
  const searches = source.kind !== 'saved'; // what narrows it can be changed, whatever the server said
  const setThreshold = (value: number) =>
    setParams(
      (old) => {
        const next = new URLSearchParams(old);
        next.set(MIN, String(Math.round(value * 1000) / 1000));
        return next;
      },
      { replace: true },
    );
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-6 lg:grid-cols-[21rem_minmax(0,1fr)]">
      <section aria-label={t('search.query')} className="space-y-4">
        {source.kind === 'photo' && (
          <PhotoSource photo={source.photo} answer={answer} face={source.face} onFace={onFace} />
        )}
        {source.kind === 'face' && <StoredSource id={source.id} />}
        {answer?.saved && <p className="card p-4 font-medium break-words">{answer.saved.name}</p>}
        {(searches || !error) && (
          <>
            <Threshold
              value={threshold}
              least={least}
              onChange={setThreshold}
              thresholds={answer?.thresholds}
              shown={answer?.results.filter((hit) => hit.cosine >= threshold).length ?? 0}
              all={answer?.results.length ?? 0}
            />
            {searches && (
              <>
                <Check
                  label={t('search.collapse')}
                  checked={filter.collapse !== ''}
                  onChange={(event) => change({ collapse: event.target.checked ? 'near_duplicates' : '' })}
                />
                <Narrow filter={filter} onChange={change} />
              </>
            )}
            <div className="flex flex-wrap gap-2">
              {mayWrite && searches && (
                <button type="button" className="button" disabled={!answer} onClick={() => setSaving(true)}>
                  {t('saved.save')}
                </button>
              )}
              {source.kind !== 'photo' && (
                <CopyButton text={() => window.location.href} label={t('share.copy')} />
              )}
              <button type="button" className="button" disabled={isFetching} onClick={() => void refetch()}>
                {t('search.again')}
              </button>
            </div>
          </>
        )}
        {saving && (
          <SaveDialog
            source={source}
            filter={filter}
            threshold={threshold}
            onClose={() => setSaving(false)}
          />
        )}
      </section>
      <section aria-label={t('search.found')} aria-busy={isFetching} className="min-h-80">
        {error && <ErrorNote error={error} retry={() => void refetch()} />}
        {isFetching && !answer && (
          <p role="status" className="loading text-soft text-sm">
            {t('search.searching')}
          </p>
        )}
        {answer && <Found answer={answer} threshold={threshold} />}
      </section>
    </div>
  );
}

export function SearchPage({ saved }: { saved: string | null }) {
  const photo = useQueryPhoto();
  const [params] = useSearchParams();
  const [, go] = useLocation();
  const [choice, setChoice] = useState({ photo: 0, face: '0' });
  const [camera, setCamera] = useState(false);
  const faceId = params.get('face');

  const sourceOf = (): Source | null => {
    if (saved) return { kind: 'saved', id: saved };
    if (faceId) return { kind: 'face', id: faceId };
    return photo && { kind: 'photo', photo, face: choice.photo === photo.key ? choice.face : '0' };
  };
  const source = sourceOf();
  const choose = (file: File | undefined) => {
    if (!file) return;
    setQueryPhoto(file);
    go(photoAddress(window.location));
  };
  return (
    <Page
      key={saved ?? faceId ?? 'photo'}
      title={t('search.title')}
      actions={
        <>
          <Picker id="search-photo" className="button button-main" onFiles={([file]) => choose(file)}>
            <Icon name="picture" />
            {t('search.choose')}
          </Picker>
          <button type="button" className="button" onClick={() => setCamera(true)}>
            <Icon name="camera" />
            {t('search.camera')}
          </button>
        </>
      }
    >
      {source ? (
        <Searched source={source} onFace={(face) => setChoice({ photo: photo?.key ?? 0, face })} />
      ) : (
        <Start />
      )}
      {camera && (
        <CameraDialog
          onClose={() => setCamera(false)}
          onTaken={(file) => {
            setCamera(false);
            choose(file);
          }}
        />
      )}
    </Page>
  );
}
