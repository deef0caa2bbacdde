import type { ReactNode } from 'react';
import type { Stats } from '../../api/schema.gen';
import { ErrorNote, Loading } from '../../components/notes';
import { Page } from '../../components/page';
import { bytes, cosine, number } from '../../lib/format';
import { known, t } from '../../lib/i18n';
import { useHealth, useStats } from '../../lib/queries';

export const Figures = ({ title, rows }: { title: string; rows: [string, ReactNode][] }) => (
  <section className="card p-4">
    <h2>{title}</h2>
    <dl className="mt-3 space-y-1.5 text-sm">
      {rows.map(([name, value]) => (
        <div key={name} className="flex justify-between gap-4">
          <dt className="text-soft">{name}</dt>
          <dd className="min-w-0 text-right break-words tabular-nums">{value}</dd>
        </div>
      ))}
    </dl>
  </section>
);

function HealthCard() {
  const { data, error, refetch } = useHealth();
  if (error) return <ErrorNote error={error} retry={() => void refetch()} />;
  if (!data) {
    return (
      <div className="lg:col-span-2">
        <Loading rows={4} />
      </div>
    );
  }
  const good = data.status === 'healthy';
  return (
    <section className="card p-4 lg:col-span-2">
      <h2>
        {t('health.title')}:{' '}
        <span className={good ? 'text-good' : 'text-bad'}>{t(`health.${data.status}`)}</span>
      </h2>
      <ul className="mt-3 space-y-1.5 text-sm">
        {Object.entries(data.checks).map(([name, check]) => (
          <li key={name} className="flex flex-wrap gap-x-2">
            <span className={`w-14 font-medium ${check.ok ? 'text-good' : 'text-bad'}`}>
              {t(check.ok ? 'health.ok' : 'health.bad')}
            </span>
            <span>{known('health.check', name)}</span>
            <span className="text-soft ml-auto tabular-nums">{number(check.ms, 1)} ms</span>
            {check.detail && <span className="text-soft w-full pl-16 break-words">{check.detail}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What is not known yet has its place already. */
function Counts({ stats }: { stats: Stats | undefined }) {
  const of = (value: (known: Stats) => ReactNode) => (stats ? value(stats) : '…');
  const files = (name: string) => of(({ media }) => number(media[name] ?? 0));
  return (
    <>
      <Figures
        title={t('library.media')}
        rows={[
          [t('stats.all'), files('total')],
          [t('status.pending'), files('pending')],
          [t('status.processing'), files('processing')],
          [t('status.completed'), files('completed')],
          [t('status.failed'), files('failed')],
          [t('media.faces'), of(({ faces }) => number(faces))],
          [t('stats.originals'), of(({ storage }) => bytes(storage['original_bytes'] ?? 0))],
        ]}
      />
      <Figures
        title={t('nav.search')}
        rows={[
          [t('stats.searched'), of(({ index }) => number(index.faces))],
          [t('stats.memory'), of(({ index }) => bytes(index.bytes))],
          [t('stats.engine'), of(({ index }) => index.engine)],
          [t('level.match'), of(({ model }) => `≥ ${cosine(model.match_threshold)}`)],
          [t('level.likely'), of(({ model }) => `≥ ${cosine(model.likely_threshold)}`)],
          [t('stats.pack'), of(({ model }) => model.pack)],
          [t('stats.licence'), of(({ model }) => t(`licence.${model.licence}`))],
        ]}
      />
    </>
  );
}

export function OverviewPage() {
  const { data: stats, error, refetch } = useStats();
  return (
    <Page title={t('system.title')} aside={stats && t('footer.version', { version: stats.version })}>
      {error && <ErrorNote error={error} retry={() => void refetch()} />}
      <div className="grid items-start gap-4 lg:grid-cols-2">
        {(stats || !error) && <Counts stats={stats} />}
        <HealthCard />
      </div>
    </Page>
  );
}
