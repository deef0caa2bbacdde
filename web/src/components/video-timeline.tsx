import { useVirtualizer } from '@tanstack/react-virtual';
import { type MouseEvent, useEffect, useRef } from 'react';
import { faceUrl } from '../api/client';
import { type Lane, laneColour, spanOf, ticksOf } from '../lib/appearances';
import { useCell } from '../lib/cell';
import { clock as written, clocks } from '../lib/format';
import { t } from '../lib/i18n';
import type { Playback } from '../lib/playback';

const ROW = 44;
const TICKS = 8;

interface Props {
  lanes: readonly Lane[];
  /** Milliseconds, more than none. */
  length: number;
  playback: Playback;
  chosen: string | null;
}

const share = (ms: number, length: number) => `${((Math.min(ms, length) / length) * 100).toFixed(3)}%`;

/** Where times are drawn: right of the names. */
const TRACK = 'absolute inset-y-0 right-3 left-(--label)';

function Playhead({ playback, length }: Pick<Props, 'playback' | 'length'>) {
  const now = useCell(playback.clock);
  return (
    <div aria-hidden className={`${TRACK} pointer-events-none z-10`}>
      <div
        data-playhead
        className="bg-ink absolute inset-y-0 -ml-px w-0.5"
        style={{ left: share(now, length) }}
      />
    </div>
  );
}

function Row({ lane, length, playback, chosen }: Omit<Props, 'lanes'> & { lane: Lane }) {
  const toMoment = (event: MouseEvent<HTMLElement>) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    playback.seek(Math.round(((event.clientX - left) / width) * length));
  };
  return (
    <>
      <div className="bg-card border-line sticky left-0 z-20 flex h-full w-(--label) items-center gap-1.5 border-r px-2 text-xs">
        <img
          src={faceUrl(lane.best.id)}
          alt=""
          loading="lazy"
          className="bg-page size-8 shrink-0 rounded object-cover"
        />
        <span className="line-clamp-2 min-w-0 break-words" title={lane.name}>
          {lane.name}
        </span>
      </div>
      <div data-track className={`${TRACK} cursor-pointer`} onClick={toMoment}>
        {lane.items.map((item) => {
          const { start, end } = spanOf(item);
          const label = t('video.bar', { name: lane.name, ...clocks(start, end) });
          return (
            <button
              key={item.face.id}
              data-bar={item.face.id}
              type="button"
              aria-label={label}
              aria-current={item.face.id === chosen || undefined}
              title={label}
              className="aria-[current]:ring-ink absolute inset-y-2 min-w-1.5 rounded-xs hover:brightness-110 aria-[current]:ring-2"
              style={{
                left: share(start, length),
                width: share(end - start, length),
                background: laneColour(lane),
              }}
              onClick={(event) => {
                event.stopPropagation();
                playback.seek(start);
              }}
            />
          );
        })}
      </div>
    </>
  );
}

/** A lane for each person, with a bar for each time on screen. As many lanes as are in sight are drawn. */
export function VideoTimeline({ lanes, length, playback, chosen }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: lanes.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 6,
  });
  const wanted = lanes.findIndex(({ items }) => items.some(({ face }) => face.id === chosen));
  useEffect(() => {
    if (wanted >= 0) virtual.scrollToIndex(wanted);
  }, [wanted, virtual]);
  const ticks = ticksOf(length, TICKS).filter((at) => at < length * 0.95); // room for its text
  return (
    <div ref={box} role="group" aria-label={t('video.lanes')} tabIndex={0} className="max-h-80 overflow-auto">
      <div className="relative min-w-[36rem] [--label:7.25rem] sm:[--label:9rem]">
        <div className="bg-card border-line sticky top-0 z-30 h-6 border-b" aria-hidden>
          <div className={TRACK}>
            {ticks.map((at) => (
              <span
                key={at}
                className="text-soft border-line absolute bottom-0 border-l pl-1 text-[0.6875rem] leading-5 whitespace-nowrap tabular-nums"
                style={{ left: share(at, length) }}
              >
                {written(at, (ticks[1] ?? 1000) < 1000)}
              </span>
            ))}
          </div>
        </div>
        <div role="list" className="relative" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((row) => {
            const lane = lanes[row.index];
            return (
              lane && (
                <div
                  key={lane.number}
                  role="listitem"
                  aria-label={lane.name}
                  aria-setsize={lanes.length}
                  aria-posinset={row.index + 1}
                  className="border-line absolute inset-x-0 top-0 border-b"
                  style={{ height: ROW, transform: `translateY(${row.start}px)` }}
                >
                  <Row lane={lane} length={length} playback={playback} chosen={chosen} />
                </div>
              )
            );
          })}
        </div>
        <Playhead playback={playback} length={length} />
      </div>
    </div>
  );
}
