import type { ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { faceUrl, thumbnailUrl } from '../api/client';
import type { Face, Media, Person } from '../api/schema.gen';
import { count } from '../lib/format';
import { t } from '../lib/i18n';
import { useFaces } from '../lib/queries';
import { useMay } from '../lib/session';
import { BoxedPhoto } from './boxed-photo';
import { Confirm } from './confirm';
import { FaceAbout, FaceNote, likeness } from './face-about';
import { Icon } from './icon';
import { ErrorNote } from './notes';
import { PersonForm } from './person-form';

const PICTURE = 1600; // longest side of what is shown

interface FaceRowProps {
  face: Face;
  number: number;
  chosen: boolean;
  people: readonly Person[];
  mayWrite: boolean;
  onDelete: () => void;
}

function FaceRow({ face, number, chosen, people, mayWrite, onDelete }: FaceRowProps) {
  return (
    <li className={`card flex gap-3 p-2 ${chosen ? 'border-accent bg-tint' : ''}`}>
      <img
        src={faceUrl(face.id)}
        alt=""
        loading="lazy"
        className="bg-page size-24 shrink-0 rounded object-cover"
      />
      <div className="min-w-0 flex-1 space-y-1.5 text-sm">
        <p className="flex items-baseline gap-2">
          <span className="font-medium">{t('face.number', { n: number })}</span>
          <span className="text-soft truncate">{likeness(face)}</span>
        </p>
        <p className="text-xs">
          <FaceAbout face={face} />
        </p>
        {mayWrite && <PersonForm faces={[face]} question={t('person.who', { n: number })} people={people} />}
        <div className="flex items-center gap-1">
          <Link href={`/search?face=${face.id}`} className="button button-small">
            {t('face.search')}
          </Link>
          {mayWrite && (
            <Confirm
              className="icon-button size-8"
              label={<Icon name="trash" className="size-4" />}
              name={t('face.delete')}
              action={t('face.delete')}
              question={t('face.delete_question', { n: number })}
              onConfirm={onDelete}
            >
              {t('face.delete_text')}
            </Confirm>
          )}
        </div>
      </div>
    </li>
  );
}

export interface MediaViewProps {
  media: Media;
  chosen: string | null;
  people: readonly Person[];
  /** In place of the picture or player, where there is nothing to show. */
  instead: ReactNode;
  details: ReactNode;
  onDelete: (face: Face) => void;
}

/** A picture with its faces, over it and as a list. */
export function PhotoView({ media, chosen, people, instead, details, onDelete }: MediaViewProps) {
  const [, go] = useLocation();
  const mayWrite = useMay('write');
  const faces = useFaces(media.id, media.analysed_at);
  const items = faces.data?.items ?? [];
  return (
    <>
      {faces.error && <ErrorNote error={faces.error} retry={() => void faces.refetch()} />}
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-6 lg:grid-cols-[minmax(0,1fr)_24rem]">
        <div className="space-y-4">
          {instead || (
            <BoxedPhoto
              src={thumbnailUrl(media.id, PICTURE)}
              alt={media.filename}
              width={media.width}
              height={media.height}
              marks={items.map((face, i) => ({
                key: face.id,
                label: t('face.search_number', { n: i + 1 }),
                place: face.box.normalized,
                chosen: face.id === chosen,
                onChoose: () => go(`/search?face=${face.id}`),
                note: (
                  <FaceNote
                    face={face}
                    name={
                      people.find(({ id }) => id === face.person_id)?.name ?? t('face.number', { n: i + 1 })
                    }
                  />
                ),
              }))}
            />
          )}
          {details}
        </div>
        <section aria-label={t('media.faces')}>
          <h2 className="mb-2">{count(media.face_count, 'count.faces')}</h2>
          <ul className="space-y-2">
            {items.map((face, i) => (
              <FaceRow
                key={face.id}
                face={face}
                number={i + 1}
                chosen={face.id === chosen}
                people={people}
                mayWrite={mayWrite}
                onDelete={() => onDelete(face)}
              />
            ))}
          </ul>
          {media.status === 'completed' && faces.data && items.length === 0 && (
            <p className="text-soft text-sm">{t('media.no_faces')}</p>
          )}
        </section>
      </div>
    </>
  );
}
