import { useId } from 'react';
import { count } from '../lib/text';

interface Props {
  value: number;
  onChange: (value: number) => void;
  thresholds: { match: number; likely: number };
  shown: number;
  all: number;
}

/** How alike is alike enough; the marks are where the model pack's words begin. */
export function Threshold({ value, onChange, thresholds, shown, all }: Props) {
  const id = useId();
  const marks = [
    ['likely', thresholds.likely],
    ['same person', thresholds.match],
  ] as const;
  return (
    <div className="card p-4">
      <div className="flex items-baseline justify-between gap-2">
        <label htmlFor={id} className="text-sm font-semibold">
          At least this alike
        </label>
        <output htmlFor={id} className="text-sm tabular-nums">
          {value.toFixed(2)}
        </output>
      </div>
      <input
        id={id}
        type="range"
        list={`${id}-marks`}
        min={0}
        max={1}
        step={0.01}
        value={value}
        onChange={(event) => onChange(Number(event.target.value))}
        aria-valuetext={`cosine ${value.toFixed(2)}, ${count(shown, 'result')}`}
        className="accent-accent mt-2 w-full"
      />
      <datalist id={`${id}-marks`}>
        {marks.map(([name, at]) => (
          <option key={name} value={at.toFixed(2)} label={name} />
        ))}
      </datalist>
      <div className="mt-1 flex flex-wrap gap-2">
        {marks.map(([name, at]) => (
          <button
            key={name}
            type="button"
            className="button min-h-8 px-2 py-0.5 text-xs"
            onClick={() => onChange(at)}
          >
            {name} {at.toFixed(2)}
          </button>
        ))}
      </div>
      <p role="status" className="text-soft mt-2 text-sm">
        {shown} of {count(all, 'resembling face')}
      </p>
    </div>
  );
}
