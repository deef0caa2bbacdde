import { useState } from 'react';
import type { Box } from '../api/types';

interface Props {
  src: string;
  alt: string;
  width: number | null;
  height: number | null;
  boxes: { key: string | number; label: string; box: Box }[];
  chosen: string | number | null;
  small?: boolean;
  onChoose: (key: string | number) => void;
}

const percent = (fraction: number) => `${(fraction * 100).toFixed(3)}%`;

/** A picture with its faces as buttons. A format the browser cannot show leaves the boxes alone. */
export function BoxedPhoto({ src, alt, width, height, boxes, chosen, small = false, onChoose }: Props) {
  const [failed, setFailed] = useState<string | null>(null);
  const hidden = failed === src;
  return (
    <div className="card overflow-hidden">
      <div
        className="relative mx-auto w-fit max-w-full"
        style={hidden && width && height ? { width: '100%', aspectRatio: `${width} / ${height}` } : undefined}
      >
        {hidden ? (
          <p className="text-soft absolute inset-x-0 bottom-0 p-2 text-center text-xs">
            This browser cannot show the format; Facet can read it.
          </p>
        ) : (
          <img
            src={src}
            alt={alt}
            width={width ?? undefined}
            height={height ?? undefined}
            className={`block h-auto w-auto max-w-full ${small ? 'max-h-[42vh]' : 'max-h-[75vh]'}`}
            onError={() => setFailed(src)}
          />
        )}
        {boxes.map(({ key, label, box: { normalized: at } }) => (
          <button
            key={key}
            type="button"
            aria-label={label}
            aria-pressed={key === chosen}
            title={label}
            onClick={() => onChoose(key)}
            className="absolute rounded-sm border-2 border-white/90 shadow-[0_0_0_1px_rgb(0_0_0/0.6)] hover:bg-white/15 aria-pressed:border-[3px] aria-pressed:border-teal-300"
            style={{
              left: percent(at.left),
              top: percent(at.top),
              width: percent(at.width),
              height: percent(at.height),
            }}
          />
        ))}
      </div>
    </div>
  );
}
