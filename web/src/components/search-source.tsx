import { Link } from 'wouter';
import { faceUrl } from '../api/client';
import type { SearchResult } from '../api/schema.gen';
import { faceAddress } from '../lib/appearances';
import { count } from '../lib/format';
import { t } from '../lib/i18n';
import { useFace } from '../lib/queries';
import type { QueryPhoto } from '../lib/state';
import { BoxedPhoto } from './boxed-photo';
import { FaceAbout, reasonsOf } from './face-about';
import { ErrorNote } from './notes';

export const ALL_FACES = 'all';

interface PhotoProps {
  photo: QueryPhoto;
  answer: SearchResult | undefined;
  face: string;
  onFace: (face: string) => void;
}

/** The picture searched with; one of its faces is chosen, or all. */
export function PhotoSource({ photo, answer, face, onFace }: PhotoProps) {
  const faces = answer?.query.faces ?? [];
  const chosen = faces.find(({ index }) => String(index) === face);
  const reasons = chosen ? reasonsOf(chosen.quality) : '';
  return (
    <div>
      <BoxedPhoto
        src={photo.url}
        alt={t('search.photo_alt', { name: photo.file.name })}
        width={answer?.query.width ?? null}
        height={answer?.query.height ?? null}
        small
        marks={faces.map((one) => ({
          key: String(one.index),
          label: t('face.search_number', { n: one.index + 1 }),
          place: one.box.normalized,
          chosen: face === ALL_FACES || String(one.index) === face,
          onChoose: () => onFace(String(one.index)),
          note: <FaceAbout face={one} />,
        }))}
      />
      {/* As high with an answer as before, so that nothing below it moves. */}
      <div className="mt-2 min-h-16 text-sm">
        <p className="text-soft flex">
          <span className="truncate" title={photo.file.name}>
            {photo.file.name}
          </span>
          {faces.length > 1 && (
            <span className="shrink-0">
              : {count(faces.length, 'count.faces')}, {t('search.choose_face')}
            </span>
          )}
        </p>
        <div className="mt-1 flex items-center gap-3">
          {faces.length > 1 && (
            <button
              type="button"
              className="button button-small aria-pressed:border-accent aria-pressed:bg-tint shrink-0"
              aria-pressed={face === ALL_FACES}
              onClick={() => onFace(face === ALL_FACES ? '0' : ALL_FACES)}
            >
              {t('search.all_faces')}
            </button>
          )}
          {reasons && <p className="text-fair min-w-0 text-xs">{t('search.poor', { reasons })}</p>}
        </div>
      </div>
    </div>
  );
}

/** A face of the library, searched with. */
export function StoredSource({ id }: { id: string }) {
  const { data: face, error } = useFace(id);
  if (error) return <ErrorNote error={error} />;
  return (
    <figure className="card flex items-center gap-3 overflow-hidden p-2">
      <img
        src={faceUrl(id, 0.5)}
        alt={t('search.stored_alt')}
        className="bg-page size-28 shrink-0 rounded object-cover lg:size-32"
      />
      <figcaption className="min-w-0 space-y-1 text-sm">
        <p>{t('search.stored')}</p>
        {face && (
          <>
            <p className="text-xs">
              <FaceAbout face={face} />
            </p>
            <Link href={faceAddress(face.media_id, face)} className="link">
              {t(face.appearance ? 'search.its_video' : 'search.its_picture')}
            </Link>
          </>
        )}
      </figcaption>
    </figure>
  );
}
