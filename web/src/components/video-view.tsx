import { useMemo, useRef, useState } from 'react';
import { useLocation, useSearchParams } from 'wouter';
import { contentUrl } from '../api/client';
import { frameTime, lanesOf, momentOf } from '../lib/appearances';
import { count } from '../lib/format';
import { language, t } from '../lib/i18n';
import { usePlayback } from '../lib/playback';
import { useAppearances } from '../lib/queries';
import { useMay } from '../lib/session';
import { AnalysisProgress } from './analysis-progress';
import { Check } from './field';
import { ErrorNote, Loading } from './notes';
import type { MediaViewProps } from './photo-view';
import { VideoOverlay } from './video-overlay';
import { VideoPeople } from './video-people';
import { FrameViewer, VideoPlayer } from './video-screen';
import { VideoTimeline } from './video-timeline';

/** A video, or a picture that moves, with the people in it over time. */
export function VideoView({ media, chosen, people, instead, details, onDelete }: MediaViewProps) {
  const [, go] = useLocation();
  const [params, setParams] = useSearchParams();
  const mayWrite = useMay('write');
  const appearances = useAppearances(media.id, media.analysed_at);
  const playback = usePlayback(momentOf(params), frameTime(media));
  const screen = useRef<HTMLDivElement>(null);
  const [unplayable, setUnplayable] = useState(false);
  const [boxes, setBoxes] = useState(true);
  const spoken = language();
  const lanes = useMemo(
    () => lanesOf(appearances.data?.items ?? [], people),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- names are in the language of the page
    [appearances.data, people, spoken],
  );
  const settled = !appearances.isPending; // what comes below the timeline is not pushed down by it
  const total = appearances.data?.items.length ?? 0;
  const plays = media.media_type === 'video' && !unplayable;

  /** Who comes back finds the moment that was left. */
  const searchFace = (face: string) => {
    setParams(
      (old) => {
        const next = new URLSearchParams(old);
        next.delete('play');
        next.set('t', String(playback.clock.get() / 1000));
        return next;
      },
      { replace: true },
    );
    go(`/search?face=${face}`);
  };
  const overlay = boxes && (
    <VideoOverlay
      media={media}
      lanes={lanes}
      playback={playback}
      chosen={chosen}
      controls={plays}
      onChoose={searchFace}
    />
  );
  return (
    <>
      {appearances.error && <ErrorNote error={appearances.error} retry={() => void appearances.refetch()} />}
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-6 lg:grid-cols-[minmax(0,1fr)_24rem]">
        <div className="min-w-0 space-y-4">
          {media.status === 'processing' && <AnalysisProgress id={media.id} name={media.filename} />}
          {unplayable && (
            <p role="status" className="card p-3 text-sm">
              {t('video.unplayable')}{' '}
              <a href={contentUrl(media.id)} download={media.filename} className="link">
                {t('video.download')}
              </a>
            </p>
          )}
          <div ref={screen} className="scroll-my-20">
            {instead ||
              (plays ? (
                <VideoPlayer
                  media={media}
                  playback={playback}
                  play={params.has('play')}
                  onUnplayable={() => setUnplayable(true)}
                >
                  {overlay}
                </VideoPlayer>
              ) : (
                <FrameViewer media={media} playback={playback}>
                  {overlay}
                </FrameViewer>
              ))}
          </div>
          {lanes.length > 0 && media.duration_ms !== null && media.duration_ms > 0 && (
            <section aria-label={t('video.timeline')} className="card overflow-clip">
              <div className="border-line flex flex-wrap items-center justify-between gap-x-4 border-b px-3 py-2">
                <h2>{t('video.timeline')}</h2>
                <Check
                  label={t('video.boxes')}
                  checked={boxes}
                  onChange={(event) => setBoxes(event.target.checked)}
                />
              </div>
              <VideoTimeline lanes={lanes} length={media.duration_ms} playback={playback} chosen={chosen} />
            </section>
          )}
          {settled && details}
        </div>
        <section aria-label={t('video.people')}>
          {!settled && <Loading rows={2} />}
          {appearances.data && (
            <h2 className="mb-2">
              {count(lanes.length, 'count.people')}, {count(total, 'count.appearances')}
            </h2>
          )}
          <VideoPeople
            lanes={lanes}
            people={people}
            chosen={chosen}
            mayWrite={mayWrite}
            onSeek={(ms) => {
              playback.seek(ms);
              screen.current?.scrollIntoView({ block: 'nearest' });
            }}
            onDelete={onDelete}
          />
          {media.status === 'completed' && appearances.data && total === 0 && (
            <p className="text-soft text-sm">{t('video.no_faces')}</p>
          )}
        </section>
      </div>
    </>
  );
}
