import { type ReactNode, useState } from 'react';
import type { Place } from '../lib/appearances';
import { t } from '../lib/i18n';

export interface BoxMark {
  key: string;
  label: string;
  place: Place;
  chosen: boolean;
  /** Written above the box. */
  tag?: { text: string; colour: string };
  /** Shown while the box has the pointer or the focus. */
  note?: ReactNode;
  onChoose: () => void;
}

interface Props {
  src: string;
  alt: string;
  width: number | null;
  height: number | null;
  marks: BoxMark[];
  small?: boolean;
}

const percent = (fraction: number) => `${(fraction * 100).toFixed(3)}%`;

/** A box over a picture. `reach`: how high its button may be, where others need the clicks below. */
export function Mark({ mark, reach }: { mark: BoxMark; reach?: string }) {
  const { left, top, width, height } = mark.place;
  const middle = left + width / 2;
  return (
    <div
      data-face={mark.key}
      className="group pointer-events-none absolute hover:z-10 focus-within:z-10"
      style={{ left: percent(left), top: percent(top), width: percent(width), height: percent(height) }}
    >
      <button
        type="button"
        aria-label={mark.label}
        aria-pressed={mark.chosen}
        onClick={mark.onChoose}
        className="peer pointer-events-auto absolute -inset-0.5 rounded-sm"
        style={{ maxHeight: reach }}
      />
      <span
        aria-hidden
        className="pointer-events-none absolute -inset-0.5 rounded-sm border-2 border-white shadow-[0_0_0_1px_rgb(0_0_0/0.7),inset_0_0_0_1px_rgb(0_0_0/0.4)] peer-hover:bg-white/15 peer-aria-pressed:border-[3px] peer-aria-pressed:border-teal-300"
      />
      {mark.tag && (
        <span
          aria-hidden
          className={`text-card pointer-events-none absolute left-0 max-w-40 truncate rounded-sm px-1 text-xs leading-4 font-medium ${
            top > 0.06 ? 'bottom-full mb-0.5' : 'top-0'
          }`}
          style={{ background: mark.tag.colour }}
        >
          {mark.tag.text}
        </span>
      )}
      {mark.note && (
        <div
          className={`card pointer-events-none absolute hidden w-max max-w-60 p-2 text-xs shadow-lg group-focus-within:block group-hover:block ${
            top + height < 0.7 ? 'top-full mt-1.5' : 'bottom-full mb-1.5'
          } ${middle < 0.35 ? 'left-0' : middle > 0.65 ? 'right-0' : 'left-1/2 -translate-x-1/2'}`}
        >
          {mark.note}
        </div>
      )}
    </div>
  );
}

/** A picture with its faces as buttons. A format the browser cannot show leaves the boxes alone. */
export function BoxedPhoto({ src, alt, width, height, marks, small = false }: Props) {
  const [failed, setFailed] = useState<string | null>(null);
  const hidden = failed === src;
  const limit = small ? '42vh' : '75vh';
  // Its place is kept before the picture is there: as wide as there is room, and as the height allows.
  const size =
    width && height
      ? {
          width: `min(100%, ${width}px, calc(${limit} * ${(width / height).toFixed(4)}))`,
          aspectRatio: `${width} / ${height}`,
        }
      : undefined;
  return (
    <div className="card bg-page">
      <div className={`relative mx-auto ${size ? '' : 'w-fit max-w-full'}`} style={size}>
        {!hidden && (
          <img
            src={src}
            alt={alt}
            className={size ? 'block size-full' : 'block h-auto max-w-full'}
            style={size ? undefined : { maxHeight: limit }}
            onError={() => setFailed(src)}
          />
        )}
        {marks.map((mark) => (
          <Mark key={mark.key} mark={mark} />
        ))}
      </div>
      {hidden && (
        <p className="text-soft p-2 text-center text-xs">{t(size ? 'media.unshown' : 'media.no_picture')}</p>
      )}
    </div>
  );
}
