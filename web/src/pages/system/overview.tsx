import type { ReactNode } from 'react';
import type { Stats } from '../../api/schema.gen';
import { ErrorNote, Loading } from '../../components/notes';
import { Page } from '../../components/page';
import { bytes, cosine, number } from '../../lib/format';
import { t } from '../../lib/i18n';
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
  if (!data) return <Loading rows={1} />;
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
            <span>{name}</span>
            <span className="text-soft ml-auto tabular-nums">{number(check.ms, 1)} ms</span>
            {check.detail && <span className="text-soft w-full pl-16 break-words">{check.detail}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

const Counts = ({ stats: { media, faces, storage, index, model } }: { stats: Stats }) => (
  <>
    <Figures
      title={t('library.media')}
      rows={[
        [t('stats.all'), number(media['total'] ?? 0)],
        [t('status.pending'), number(media['pending'] ?? 0)],
        [t('status.processing'), number(media['processing'] ?? 0)],
        [t('status.completed'), number(media['completed'] ?? 0)],
        [t('status.failed'), number(media['failed'] ?? 0)],
        [t('media.faces'), number(faces)],
        [t('stats.originals'), bytes(storage['original_bytes'] ?? 0)],
      ]}
    />
    <Figures
      title={t('nav.search')}
      rows={[
        [t('stats.searched'), number(index.faces)],
        [t('stats.memory'), bytes(index.bytes)],
        [t('stats.engine'), index.engine],
        [t('level.match'), `≥ ${cosine(model.match_threshold)}`],
        [t('level.likely'), `≥ ${cosine(model.likely_threshold)}`],
        [t('stats.pack'), model.pack],
        [t('stats.licence'), t(`licence.${model.licence}`)],
      ]}
    />
  </>
);

export function OverviewPage() {
  const { data: stats, error, refetch } = useStats();
  return (
    <Page title={t('system.title')} aside={stats && t('footer.version', { version: stats.version })}>
      {error && <ErrorNote error={error} retry={() => void refetch()} />}
      {!stats && !error && <Loading />}
      <div className="grid items-start gap-4 lg:grid-cols-2">
        {stats && <Counts stats={stats} />}
        <HealthCard />
      </div>
    </Page>
  );
}
