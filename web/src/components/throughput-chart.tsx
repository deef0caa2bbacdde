import { number } from '../lib/format';
import { t } from '../lib/i18n';
import { throughput, useFinishedBefore } from '../lib/queries';
import { SLOT_MS } from '../lib/throughput';
import { ErrorNote } from './notes';

const WIDTH = 300;
const HEIGHT = 64;
const PER_MINUTE = 60_000 / SLOT_MS;

/** Bars of five seconds over the last five minutes; `at` is the time of the last count, 0 before the first. */
export function ThroughputChart({ at }: { at: number }) {
  const before = useFinishedBefore();
  if (before.error) return <ErrorNote error={before.error} retry={() => void before.refetch()} />;
  const known = at > 0 && before.isSuccess;
  const slots = known ? throughput.slots(at) : [];
  const most = Math.max(1, ...slots);
  const step = WIDTH / slots.length;
  const label = known
    ? t('tasks.chart', { n: Math.round(Math.max(0, ...slots) * PER_MINUTE) })
    : t('state.loading');
  return (
    <section className="card p-4" aria-labelledby="throughput">
      <h2 id="throughput">{t('tasks.throughput')}</h2>
      <p className="text-soft mb-2 text-sm tabular-nums">
        {known ? t('tasks.per_minute', { n: Math.round(throughput.perMinute(at)) }) : t('state.loading')}
      </p>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
        className="border-line h-16 w-full border-b"
      >
        {slots.map(
          (n, i) =>
            n > 0 && (
              <rect
                key={i}
                x={i * step + 0.5}
                width={step - 1}
                y={HEIGHT - (n / most) * HEIGHT}
                height={(n / most) * HEIGHT}
                fill="var(--accent)"
              />
            ),
        )}
      </svg>
      <p className="text-soft mt-1 flex justify-between text-xs">
        <span>{t('tasks.minutes')}</span>
        {slots.some((n) => n > 0) && <span className="tabular-nums">≤ {number(most * PER_MINUTE)}/min</span>}
        <span>{t('tasks.now')}</span>
      </p>
    </section>
  );
}
