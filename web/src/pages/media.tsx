import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { useLocation, useSearchParams } from 'wouter';
import { api, ask, byId, contentUrl } from '../api/client';
import type { Media } from '../api/schema.gen';
import { Confirm } from '../components/confirm';
import { ErrorNote, Loading, Status } from '../components/notes';
import { Page } from '../components/page';
import { PhotoView } from '../components/photo-view';
import { VideoView } from '../components/video-view';
import { useAction } from '../lib/action';
import { useDeleteMedia } from '../lib/actions';
import { isMoving } from '../lib/appearances';
import { reasonOf } from '../lib/error-text';
import { bytes, clock, dateTime, number } from '../lib/format';
import { named, t } from '../lib/i18n';
import { useMedia, usePeople } from '../lib/queries';
import { useMay } from '../lib/session';

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
    [t('media.duration'), media.duration_ms !== null && clock(media.duration_ms, true)],
    [t('media.rate'), media.frame_rate && t('media.per_second', { rate: number(media.frame_rate, 2) })],
    // Of a file that no camera dated, the server knows when it came.
    [t('media.taken'), media.taken_at !== media.created_at && dateTime(media.taken_at)],
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
  const { data: people } = usePeople();
  const mayWrite = useMay('write');
  const [removing, setRemoving] = useState(false);
  const chosen = params.get('face');
  const refresh = [['media', id], ['faces', id], ['appearances', id], ['stats']];
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
  const View = isMoving(media) ? VideoView : PhotoView;
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
                label={t(media.media_type === 'video' ? 'media.delete_video' : 'media.delete')}
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
      <View
        media={media}
        chosen={chosen}
        people={people?.items ?? []}
        instead={
          media.status === 'failed' && (
            <div className="card border-bad p-6" role="alert">
              <p className="text-bad font-medium">{t('media.unreadable')}</p>
              <p className="text-sm break-words">{reasonOf(media.error)}</p>
            </div>
          )
        }
        details={<Details media={media} />}
        onDelete={(face) => {
          if (face.id === chosen) setParams({}, { replace: true });
          removeFace.mutate(face.id);
        }}
      />
    </Page>
  );
}
