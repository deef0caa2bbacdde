import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { Link, useLocation, useSearchParams } from 'wouter';
import { api, ask, byId, contentUrl, faceUrl, thumbnailUrl } from '../api/client';
import type { Face, Media, Person } from '../api/schema.gen';
import { BoxedPhoto } from '../components/boxed-photo';
import { Confirm } from '../components/confirm';
import { FaceAbout, likeness } from '../components/face-about';
import { Icon } from '../components/icon';
import { ErrorNote, Loading, Status } from '../components/notes';
import { Page } from '../components/page';
import { PersonForm } from '../components/person-form';
import { useAction } from '../lib/action';
import { useDeleteMedia } from '../lib/actions';
import { reasonOf } from '../lib/error-text';
import { bytes, count, dateTime } from '../lib/format';
import { named, t } from '../lib/i18n';
import { useFaces, useMedia, usePeople } from '../lib/queries';
import { useMay } from '../lib/session';

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
        {mayWrite && <PersonForm face={face} number={number} people={people} />}
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

function Details({ media }: { media: Media }) {
  const rows: [string, ReactNode][] = [
    [t('filter.status'), <Status key="status" status={media.status} />],
    [t('media.format'), media.format],
    [
      t('media.size'),
      [media.width && media.height && `${media.width} × ${media.height}`, bytes(media.bytes)]
        .filter(Boolean)
        .join(', '),
    ],
    [t('media.taken'), dateTime(media.taken_at)],
    [t('media.added'), dateTime(media.created_at)],
    [t('filter.collection'), media.collection],
    [t('media.origin'), named('origin', media.origin)],
    [t('media.path'), media.path],
    [t('media.note'), media.note],
    ['SHA-256', <code key="sha">{media.sha256}</code>],
  ];
  return (
    <section className="card p-4" aria-label={t('media.details')}>
      <h2 className="mb-2">{t('media.details')}</h2>
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1 text-sm">
        {rows.map(
          ([name, value]) =>
            value && (
              <div key={name} className="contents">
                <dt className="text-soft">{name}</dt>
                <dd className="break-words">{value}</dd>
              </div>
            ),
        )}
      </dl>
    </section>
  );
}

export function MediaPage({ id }: { id: string }) {
  const client = useQueryClient();
  const [, go] = useLocation();
  const [params, setParams] = useSearchParams();
  const { data: media, error, refetch } = useMedia(id);
  const faces = useFaces(id, media?.analysed_at ?? null);
  const { data: people } = usePeople();
  const mayWrite = useMay('write');
  const [removing, setRemoving] = useState(false);
  const chosen = params.get('face');
  const refresh = [['media', id], ['faces', id], ['stats']];
  const again = useAction(() => ask(api.POST('/v1/media/{id}/reprocess', byId(id))), {
    refresh,
    said: () => t('media.queued'),
  });
  const removeFace = useAction((face: string) => ask(api.DELETE('/v1/faces/{id}', byId(face))), {
    refresh: [...refresh, ['people']],
    said: () => t('face.deleted'),
    done: () => client.removeQueries({ queryKey: ['search'] }), // answers that may name what is gone
  });
  const remove = useDeleteMedia(() => {
    setRemoving(true); // the page goes before what it showed is asked for again
    go('/');
  });
  if (removing) return null;
  if (error && !media) {
    return (
      <Page title={t('nav.library')}>
        <ErrorNote error={error} retry={() => void refetch()} />
      </Page>
    );
  }
  if (!media) return <Loading />;
  const items = faces.data?.items ?? [];
  return (
    <Page
      title={media.filename}
      actions={
        <>
          <a href={contentUrl(id)} className="button" download={media.filename}>
            {t('media.original')}
          </a>
          {mayWrite && (
            <>
              <button
                type="button"
                className="button"
                disabled={again.isPending}
                onClick={() => again.mutate()}
              >
                {t('media.reprocess')}
              </button>
              <Confirm
                label={t('media.delete')}
                question={t('delete.media', { n: 1 })}
                disabled={remove.isPending}
                onConfirm={() => remove.mutate([id])}
              >
                {t('delete.text')}
              </Confirm>
            </>
          )}
        </>
      }
    >
      {faces.error && <ErrorNote error={faces.error} retry={() => void faces.refetch()} />}
      <div className="grid items-start gap-6 lg:grid-cols-[minmax(0,1fr)_24rem]">
        <div className="space-y-4">
          {media.status === 'failed' ? (
            <div className="card border-bad p-6" role="alert">
              <p className="text-bad font-medium">{t('media.unreadable')}</p>
              <p className="text-sm break-words">{reasonOf(media.error)}</p>
            </div>
          ) : (
            <BoxedPhoto
              src={thumbnailUrl(id, PICTURE)}
              alt={media.filename}
              width={media.width}
              height={media.height}
              marks={items.map((face, i) => ({
                key: face.id,
                label: t('face.search_number', { n: i + 1 }),
                box: face.box,
                chosen: face.id === chosen,
                onChoose: () => go(`/search?face=${face.id}`),
                note: (
                  <>
                    <span className="block font-medium">
                      {people?.items.find(({ id }) => id === face.person_id)?.name ??
                        t('face.number', { n: i + 1 })}
                    </span>
                    <span className="block">{likeness(face)}</span>
                    <FaceAbout face={face} />
                    <span className="text-accent mt-1 block">{t('face.search')}</span>
                  </>
                ),
              }))}
            />
          )}
          <Details media={media} />
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
                people={people?.items ?? []}
                mayWrite={mayWrite}
                onDelete={() => {
                  if (face.id === chosen) setParams({}, { replace: true });
                  removeFace.mutate(face.id);
                }}
              />
            ))}
          </ul>
          {media.status === 'completed' && faces.data && items.length === 0 && (
            <p className="text-soft text-sm">{t('media.no_faces')}</p>
          )}
        </section>
      </div>
    </Page>
  );
}
