import { type RefObject, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { type Cell, cell } from './cell';

/** What is shown of a moving picture: its time, and how to go elsewhere. */
export interface Playback {
  /** Milliseconds from the beginning of the file: where the frame that is shown begins, about. */
  clock: Cell<number>;
  /** The player, when there is one; without, the clock alone says what is shown. */
  video: RefObject<HTMLVideoElement | null>;
  seek: (ms: number) => void;
  /** Sets the clock by where the player stands. */
  look: () => void;
}

/**
 * A playback that goes to `start` whenever that changes. A player is sent to the middle of a frame, `frame` long:
 * times are rounded, and players do not agree to the millisecond on where a file begins.
 */
export function usePlayback(start: number | null, frame: number): Playback {
  const [clock] = useState(() => cell(start ?? 0));
  const video = useRef<HTMLVideoElement>(null);
  const seek = useCallback(
    (ms: number) => {
      clock.set(ms);
      const player = video.current;
      if (player && player.readyState > 0) player.currentTime = (ms + frame / 2) / 1000;
    },
    [clock, frame],
  );
  const look = useCallback(() => {
    const at = video.current?.currentTime;
    if (at !== undefined) clock.set(Math.max(0, Math.round(at * 1000 - frame / 2)));
  }, [clock, frame]);
  useEffect(() => {
    if (start !== null) seek(start);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- not when more is known of the file
  }, [start]);
  return useMemo(() => ({ clock, video, seek, look }), [clock, seek, look]);
}

/** Keeps the clock at the frame that the player shows. */
export function useFollowing({ clock, video, look }: Playback) {
  useEffect(() => {
    const player = video.current;
    if (!player) return;
    let handle = 0;
    if ('requestVideoFrameCallback' in player) {
      const shown = (_: number, { mediaTime }: VideoFrameCallbackMetadata) => {
        if (!player.paused) clock.set(Math.round(mediaTime * 1000)); // else `seeked` tells
        handle = player.requestVideoFrameCallback(shown);
      };
      handle = player.requestVideoFrameCallback(shown);
      return () => player.cancelVideoFrameCallback(handle);
    }
    const old: HTMLVideoElement = player; // a browser that does not tell of frames
    const follow = () => {
      look();
      if (!old.paused && !old.ended) handle = requestAnimationFrame(follow);
    };
    old.addEventListener('playing', follow);
    return () => {
      old.removeEventListener('playing', follow);
      cancelAnimationFrame(handle);
    };
  }, [clock, video, look]);
}
