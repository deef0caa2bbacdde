import { type ReactNode, useEffect, useState } from 'react';
import { contentUrl, frameUrl } from '../api/client';
import type { Media } from '../api/schema.gen';
import { frameTime } from '../lib/appearances';
import { useCell } from '../lib/cell';
import { clock as written } from '../lib/format';
import { t } from '../lib/i18n';
import { type Playback, useFollowing } from '../lib/playback';

const LONGEST = 1280; // side of a frame picture
const SETTLED_MS = 120; // a frame is asked for when the hand rests
const WIDE = 16 / 9; // until the size is known

export const ratioOf = ({ width, height }: Media) => (width && height ? width / height : WIDE);

interface ScreenProps {
  ratio: number;
  children: ReactNode;
  /** Drawn over the picture. */
  overlay: ReactNode;
  /** Width by height of the picture, which may leave bars at two sides of the screen. */
  pictureRatio: number;
}

function Screen({ ratio, pictureRatio, children, overlay }: ScreenProps) {
  return (
    <div className="card has-[video:focus-visible]:outline-accent overflow-clip bg-black outline-offset-2 has-[video:focus-visible]:outline-2">
      <div
        data-screen
        className="relative mx-auto [container-type:size]"
        style={{ width: `min(100%, calc(70vh * ${ratio.toFixed(4)}))`, aspectRatio: ratio }}
      >
        {children}
        <div
          className="pointer-events-none absolute top-1/2 left-1/2 -translate-1/2"
          style={{
            width: `min(100cqw, calc(100cqh * ${pictureRatio.toFixed(4)}))`,
            aspectRatio: pictureRatio,
          }}
        >
          {overlay}
        </div>
      </div>
    </div>
  );
}

interface Props {
  media: Media;
  playback: Playback;
  children: ReactNode;
}

/** The browser's own player. `onUnplayable`: it cannot show this format. */
export function VideoPlayer({
  media,
  playback,
  play,
  onUnplayable,
  children,
}: Props & { play: boolean; onUnplayable: () => void }) {
  const { clock, video, seek, look } = playback;
  const [shown, setShown] = useState<number | null>(null);
  useFollowing(playback);
  const ratio = ratioOf(media);
  return (
    <Screen ratio={media.width ? ratio : (shown ?? ratio)} pictureRatio={shown ?? ratio} overlay={children}>
      <video
        ref={video}
        src={contentUrl(media.id)}
        controls
        preload="metadata"
        playsInline
        aria-label={media.filename}
        className="block size-full object-contain"
        onLoadedMetadata={({ currentTarget: player }) => {
          if (player.videoWidth === 0) return onUnplayable(); // its sound alone
          setShown(player.videoWidth / player.videoHeight);
          if (clock.get() > 0) seek(clock.get());
          if (play) player.play().catch(() => {}); // only if the browser lets it
        }}
        onSeeked={look}
        onPause={look}
        onError={({ currentTarget: { error } }) => {
          if (error?.code !== MediaError.MEDIA_ERR_NETWORK) onUnplayable();
        }}
      />
    </Screen>
  );
}

/** One frame at a time, which the server decodes: for what no browser plays. */
export function FrameViewer({ media, playback: { clock, seek }, children }: Props) {
  const now = useCell(clock);
  const [asked, setAsked] = useState(now);
  const [loaded, setLoaded] = useState<number | null>(null);
  const [failed, setFailed] = useState<number | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(now), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [now]);
  const ratio = ratioOf(media);
  const length = media.duration_ms ?? 0;
  return (
    <div>
      <Screen ratio={ratio} pictureRatio={ratio} overlay={loaded === now && children}>
        {failed === asked ? (
          <p role="alert" className="p-4 text-sm text-white">
            {t('video.frame_failed')}
          </p>
        ) : (
          <img
            src={frameUrl(media.id, asked, LONGEST)}
            alt={t('video.frame', { name: media.filename, time: written(asked, true) })}
            className="block size-full object-contain"
            onLoad={() => setLoaded(asked)}
            onError={() => setFailed(asked)}
          />
        )}
      </Screen>
      {length > 0 && (
        <div className="mt-2 flex items-center gap-3 text-sm tabular-nums">
          <input
            type="range"
            className="accent-accent min-w-0 flex-1"
            aria-label={t('video.position')}
            aria-valuetext={written(now, true)}
            min={0}
            max={length}
            step={Math.max(1, Math.round(frameTime(media)))}
            value={now}
            onChange={(event) => seek(Number(event.target.value))}
          />
          {written(now, true)} / {written(length, true)}
        </div>
      )}
    </div>
  );
}
