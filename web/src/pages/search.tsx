import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation, useSearchParams } from 'wouter';
import { faceUrl, getFace, search, SEARCH_LIMIT } from '../api/client';
import type { SearchAnswer } from '../api/types';
import { BoxedPhoto } from '../components/boxed-photo';
import { Empty, ErrorNote } from '../components/notes';
import { Picker } from '../components/picker';
import { Results } from '../components/results';
import { Threshold } from '../components/threshold';
import { useStats } from '../lib/queries';
import { type QueryPhoto, setQueryPhoto, useQueryPhoto } from '../lib/state';
import { count, reasonText } from '../lib/text';

function PhotoQuery({
  photo,
  answer,
  face,
  onFace,
}: {
  photo: QueryPhoto;
  answer: SearchAnswer | undefined;
  face: number;
  onFace: (face: number) => void;
}) {
  const faces = answer?.query.faces ?? [];
  const reasons = faces.find((one) => one.index === face)?.quality?.reasons ?? [];
  return (
    <>
      <BoxedPhoto
        src={photo.url}
        alt={`The photo searched with: ${photo.file.name}`}
        width={answer?.query.width ?? null}
        height={answer?.query.height ?? null}
        chosen={face}
        small
        onChoose={(key) => onFace(Number(key))}
        boxes={faces.map(({ index, box }) => ({ key: index, label: `Search face ${index + 1}`, box }))}
      />
      <p className="text-soft text-sm">
        <span className="break-all">{photo.file.name}</span>
        {faces.length > 1 && `: ${count(faces.length, 'face')}, choose the one to search`}
        {reasons.length > 0 && (
          <span className="text-fair block">
            This face is {reasons.map(reasonText).join(', ')}: results may be poor.
          </span>
        )}
      </p>
    </>
  );
}

function StoredQuery({ id }: { id: string }) {
  const { data: face } = useQuery({ queryKey: ['face', id], queryFn: ({ signal }) => getFace(id, signal) });
  return (
    <figure className="card overflow-hidden">
      <img src={faceUrl(id)} alt="The stored face searched with" className="mx-auto max-h-[42vh]" />
      {face && (
        <figcaption className="p-2 text-sm">
          A face of your library.{' '}
          <Link href={`/photo/${face.media_id}?face=${id}`} className="link">
            Its photo
          </Link>
        </figcaption>
      )}
    </figure>
  );
}

function Found({ answer, threshold }: { answer: SearchAnswer; threshold: number }) {
  const hits = answer.results.filter((hit) => hit.cosine >= threshold);
  if (answer.searched_faces === 0) {
    return <NothingStored />;
  }
  if (hits.length === 0) {
    return (
      <Empty title="No face is this alike">
        <p>
          {count(answer.searched_faces, 'face')} searched.{' '}
          {answer.results.length > 0 && 'Move the slider to the left to see weaker resemblances.'}
        </p>
      </Empty>
    );
  }
  return (
    <>
      <Results hits={hits} />
      <p className="text-soft mt-4 text-sm">
        {count(answer.searched_faces, 'face')} searched in {answer.timings_ms.total.toFixed(0)} ms.
        {answer.results.length === SEARCH_LIMIT && ` Only the best ${SEARCH_LIMIT} are shown.`}
      </p>
    </>
  );
}

const NothingStored = () => (
  <Empty title="There is nothing to search yet">
    <p>
      <Link href="/add" className="link">
        Add photos
      </Link>
      , drop them anywhere on this page, or put them into the folder <code>./data/watch</code>. Their faces
      can be searched as soon as they are done.
    </p>
  </Empty>
);

export function SearchPage() {
  const photo = useQueryPhoto();
  const [params] = useSearchParams();
  const [, go] = useLocation();
  const faceId = params.get('face');
  const [choice, setChoice] = useState({ photo: 0, face: 0 });
  const [chosenThreshold, setThreshold] = useState<number | null>(null);
  const { data: stats } = useStats();
  const face = choice.photo === photo?.key ? choice.face : 0;

  const source = faceId ?? photo?.key ?? null;
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ['search', source, faceId ? 0 : face],
    queryFn: ({ signal }) => {
      if (faceId) return search({ faceId }, signal);
      if (!photo) throw new Error('no photo');
      return search({ image: photo.file, face }, signal);
    },
    enabled: source !== null,
    staleTime: Infinity,
    retry: false,
    // Another face of the same photo: its boxes stay until the new answer is there.
    placeholderData: (old, query) => (query?.queryKey[1] === source ? keepPreviousData(old) : undefined),
  });
  const answer = error ? undefined : data;
  const threshold = chosenThreshold ?? answer?.thresholds.likely ?? 0;

  const choose = ([file]: File[]) => {
    if (!file) return;
    setQueryPhoto(file);
    go('/');
  };
  return (
    <>
      <title>Search – Facet</title>
      <div className="mb-4 flex flex-wrap items-center gap-3">
        <h1 className="mr-auto">Search by photo</h1>
        <Picker id="search-photo" main onFiles={choose}>
          Choose a photo
        </Picker>
        {source !== null && (
          <button type="button" className="button" disabled={isFetching} onClick={() => void refetch()}>
            Search again
          </button>
        )}
      </div>
      {source === null && stats?.media.total === 0 && <NothingStored />}
      {source === null && stats?.media.total !== 0 && (
        <Empty title="Whom are you looking for?">
          <p>
            Choose a photo or drop one anywhere on this page. Facet finds the same face in your library
            {stats && `, among ${count(stats.faces, 'face')}`}. The photo you search with is not kept.
          </p>
        </Empty>
      )}
      {source !== null && (
        <div className="grid items-start gap-6 lg:grid-cols-[20rem_minmax(0,1fr)]">
          <section aria-label="What is searched" className="space-y-4 lg:sticky lg:top-4">
            {faceId && <StoredQuery key={faceId} id={faceId} />}
            {!faceId && photo && (
              <PhotoQuery
                photo={photo}
                answer={answer}
                face={face}
                onFace={(next) => setChoice({ photo: photo.key, face: next })}
              />
            )}
            {answer && (
              <Threshold
                value={threshold}
                onChange={setThreshold}
                thresholds={answer.thresholds}
                shown={answer.results.filter((hit) => hit.cosine >= threshold).length}
                all={answer.results.length}
              />
            )}
          </section>
          <section aria-label="What was found" aria-busy={isFetching}>
            {error && <ErrorNote error={error} retry={() => void refetch()} />}
            {isFetching && !answer && (
              <p role="status" className="text-soft text-sm">
                Searching …
              </p>
            )}
            {answer && <Found answer={answer} threshold={threshold} />}
          </section>
        </div>
      )}
    </>
  );
}
