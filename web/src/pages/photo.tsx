import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { contentUrl, deleteFace, deleteMedia, faceUrl, reprocess, thumbnailUrl } from '../api/client';
import type { Face } from '../api/types';
import { BoxedPhoto } from '../components/boxed-photo';
import { Confirm } from '../components/confirm';
import { ErrorNote, Loading, Status } from '../components/notes';
import { useFaces, useMedia } from '../lib/queries';
import { bytes, count, reasonText } from '../lib/text';

interface FaceRowProps {
  face: Face;
  number: number;
  chosen: boolean;
  onDelete: () => void;
}

function FaceRow({ face, number, chosen, onDelete }: FaceRowProps) {
  const about = [face.gender, face.age !== null && `about ${Math.round(face.age)}`]
    .filter(Boolean)
    .join(', ');
  const reasons = face.quality?.reasons ?? [];
  return (
    <li className={`card flex gap-3 p-2 ${chosen ? 'border-accent' : ''}`}>
      <img
        src={faceUrl(face.id)}
        alt=""
        loading="lazy"
        className="bg-page size-24 shrink-0 rounded object-cover"
      />
      <div className="min-w-0 flex-1 text-sm">
        <p className="font-medium">
          Face {number}
          {about && <span className="text-soft font-normal"> · {about}</span>}
        </p>
        <p className="text-soft text-xs">
          detected with {Math.round(face.score * 100)} %
          {face.quality && `, quality ${Math.round(face.quality.score * 100)} %`}
        </p>
        {reasons.length > 0 && <p className="text-fair text-xs">{reasons.map(reasonText).join(', ')}</p>}
        <div className="mt-2 flex flex-wrap gap-2">
          <Link href={`/?face=${face.id}`} className="button">
            Search this face
          </Link>
          <Confirm label="Delete face" question={`Delete face ${number}?`} onConfirm={onDelete}>
            It will no longer be found. The photo stays.
          </Confirm>
        </div>
      </div>
    </li>
  );
}

export function PhotoPage({ id }: { id: string }) {
  const client = useQueryClient();
  const [, go] = useLocation();
  const { data: media, error, refetch } = useMedia(id);
  const faces = useFaces(id, media?.analysed_at ?? null);
  const wanted = new URLSearchParams(window.location.search).get('face');
  const [chosen, setChosen] = useState<string | number | null>(wanted);

  const refresh = () => {
    void client.invalidateQueries({ queryKey: ['media', id] });
    void client.invalidateQueries({ queryKey: ['faces', id] });
    void client.invalidateQueries({ queryKey: ['stats'] });
    client.removeQueries({ queryKey: ['search'] }); // answers that may name what is gone
  };
  const again = useMutation({ mutationFn: () => reprocess(id), onSuccess: refresh });
  const removeFace = useMutation({ mutationFn: deleteFace, onSuccess: refresh });
  const remove = useMutation({
    mutationFn: () => deleteMedia(id),
    onSuccess: () => {
      client.removeQueries({ queryKey: ['search'] });
      void client.invalidateQueries({ queryKey: ['list'] });
      go('/library');
    },
  });

  if (error) return <ErrorNote error={error} retry={() => void refetch()} />;
  if (!media) return <Loading />;
  const items = faces.data?.items ?? [];
  const failure = again.error ?? removeFace.error ?? remove.error ?? faces.error;
  return (
    <>
      <title>{`${media.filename} – Facet`}</title>
      <div className="mb-4 flex flex-wrap items-center gap-2">
        <h1 className="mr-auto min-w-0 break-all">{media.filename}</h1>
        <a href={contentUrl(id)} className="button" download={media.filename}>
          Original
        </a>
        <button type="button" className="button" disabled={again.isPending} onClick={() => again.mutate()}>
          Look for faces again
        </button>
        <Confirm
          label="Delete photo"
          question="Delete this photo?"
          disabled={remove.isPending}
          onConfirm={() => remove.mutate()}
        >
          The original, its faces and everything learned from it are removed from Facet for good.
        </Confirm>
      </div>
      {failure && <ErrorNote error={failure} />}
      <div className="grid items-start gap-6 lg:grid-cols-[minmax(0,1fr)_24rem]">
        <div>
          {media.status === 'failed' ? (
            <div className="card border-bad text-bad p-6" role="alert">
              <p className="font-medium">This file could not be read.</p>
              <p className="text-sm">{media.error?.message}</p>
            </div>
          ) : (
            <BoxedPhoto
              src={thumbnailUrl(id, 1600)}
              alt={media.filename}
              width={media.width}
              height={media.height}
              chosen={chosen}
              onChoose={setChosen}
              boxes={items.map((face, i) => ({ key: face.id, label: `Face ${i + 1}`, box: face.box }))}
            />
          )}
          <p className="text-soft mt-2 text-sm">
            <Status status={media.status} /> · {media.format}
            {media.width && media.height && ` · ${media.width} × ${media.height}`} · {bytes(media.bytes)} ·
            added {new Date(media.created_at).toLocaleString()}
            {media.note && ` · ${media.note}`}
          </p>
        </div>
        <section aria-label="Faces">
          <h2 className="mb-2">{count(items.length, 'face')}</h2>
          <ul className="space-y-2">
            {items.map((face, i) => (
              <FaceRow
                key={face.id}
                face={face}
                number={i + 1}
                chosen={face.id === chosen}
                onDelete={() => removeFace.mutate(face.id)}
              />
            ))}
          </ul>
          {media.status === 'completed' && faces.data && items.length === 0 && (
            <p className="text-soft text-sm">Facet saw no face in this photo.</p>
          )}
        </section>
      </div>
    </>
  );
}
