import { useId } from 'react';
import type { MatchLevel, Thresholds } from '../api/schema.gen';
import { count, number } from '../lib/format';
import { t } from '../lib/i18n';

interface Props {
  value: number;
  least: number;
  onChange: (value: number) => void;
  /** Undefined until they are known: all has its place already. */
  thresholds: Thresholds | undefined;
  shown: number;
  all: number;
}

export const LEVEL_COLOURS: Record<MatchLevel, string> = {
  match: 'text-good',
  likely: 'text-fair',
  weak: 'text-soft',
};

const levelOf = (value: number, { match, likely }: Thresholds): MatchLevel =>
  value >= match ? 'match' : value >= likely ? 'likely' : 'weak';

const NEAR = 0.005; // nothing the slider can tell apart

/** Where the model pack's words begin, from `least` on; a word that has no room is left out. */
export function marksOf({ likely, match }: Thresholds, least: number): [MatchLevel, number][] {
  const marks: [MatchLevel, number][] = [
    ['weak', least],
    ['likely', Math.max(likely, least)],
    ['match', Math.max(match, least)],
  ];
  return marks.filter(([, at], i) => at < (marks[i + 1]?.[1] ?? Infinity) - NEAR);
}

const UNKNOWN: Thresholds = { likely: 0.5, match: 1 };

/** How alike is alike enough; the marks are where the model pack's words begin. */
export function Threshold({ value, least, onChange, thresholds, shown, all }: Props) {
  const id = useId();
  const level = levelOf(value, thresholds ?? UNKNOWN);
  return (
    <div className="card p-4">
      <div className="flex flex-wrap items-baseline justify-between gap-x-2">
        <label htmlFor={id} className="text-sm font-semibold">
          {t('threshold.label')}
        </label>
        <output htmlFor={id} className="text-sm tabular-nums">
          {thresholds && (
            <>
              <span className={LEVEL_COLOURS[level]}>{t(`level.${level}`)}</span> {number(value, 2)}
            </>
          )}
        </output>
      </div>
      <input
        id={id}
        type="range"
        min={least}
        max={1}
        step={0.01}
        value={value}
        disabled={!thresholds}
        onChange={(event) => onChange(Number(event.target.value))}
        aria-valuetext={t('threshold.value', {
          level: t(`level.${level}`),
          value: number(value, 2),
          results: count(shown, 'count.results'),
        })}
        className="accent-accent mt-2 w-full"
      />
      <div className="mt-1 flex flex-wrap gap-1.5">
        {marksOf(thresholds ?? UNKNOWN, least).map(([name, at]) => (
          <button
            key={name}
            type="button"
            className="button button-small aria-pressed:border-accent aria-pressed:bg-tint px-2"
            disabled={!thresholds}
            aria-pressed={thresholds && Math.abs(value - at) < NEAR}
            onClick={() => onChange(at)}
          >
            {t(`level.${name}`)}
          </button>
        ))}
      </div>
      <p role="status" className="text-soft mt-2 min-h-5 text-sm tabular-nums">
        {thresholds && t('threshold.shown', { n: shown, all })}
      </p>
    </div>
  );
}
