import type { ReactNode } from 'react';
import { ErrorNote, Loading } from '../components/notes';
import { useHealth, useStats } from '../lib/queries';
import { bytes } from '../lib/text';

function Figures({ title, rows }: { title: string; rows: [string, ReactNode][] }) {
  return (
    <section className="card p-4">
      <h2>{title}</h2>
      <dl className="mt-3 grid grid-cols-[1fr_auto] gap-x-4 gap-y-1.5 text-sm">
        {rows.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-soft">{name}</dt>
            <dd className="text-right tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function HealthCard() {
  const { data, error, refetch } = useHealth();
  if (error) return <ErrorNote error={error} retry={() => void refetch()} />;
  if (!data) return <Loading />;
  return (
    <section className="card p-4">
      <h2>
        Health: <span className={data.status === 'healthy' ? 'text-good' : 'text-bad'}>{data.status}</span>
      </h2>
      <ul className="mt-3 space-y-1.5 text-sm">
        {Object.entries(data.checks).map(([name, check]) => (
          <li key={name} className="flex flex-wrap gap-x-2">
            <span className={`w-8 ${check.ok ? 'text-good' : 'text-bad'}`}>{check.ok ? 'ok' : 'bad'}</span>
            <span>{name}</span>
            <span className="text-soft ml-auto tabular-nums">{check.ms.toFixed(1)} ms</span>
            {check.detail && <span className="text-soft w-full pl-10 break-words">{check.detail}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

export function StatusPage() {
  const { data: stats, error, refetch } = useStats();
  return (
    <>
      <title>Status – Facet</title>
      <h1 className="mb-4">Status</h1>
      {error && <ErrorNote error={error} retry={() => void refetch()} />}
      {!stats && !error && <Loading />}
      <div className="grid items-start gap-4 md:grid-cols-2 lg:grid-cols-3">
        {stats && (
          <>
            <Figures
              title="Photos"
              rows={[
                ['all', stats.media.total.toLocaleString('en')],
                ['waiting', stats.media.pending],
                ['being looked at', stats.media.processing],
                ['done', stats.media.completed.toLocaleString('en')],
                ['failed', stats.media.failed],
                ['faces', stats.faces.toLocaleString('en')],
                ['originals on disk', bytes(stats.storage.original_bytes)],
              ]}
            />
            <Figures
              title="Search"
              rows={[
                ['faces searched', stats.index.faces.toLocaleString('en')],
                ['memory of the index', bytes(stats.index.bytes)],
                ['method', stats.index.engine],
                ['“same person” from', `cosine ${stats.model.match_threshold.toFixed(3)}`],
                ['“likely” from', `cosine ${stats.model.likely_threshold.toFixed(3)}`],
                ['model pack', stats.model.pack],
                [
                  'its licence',
                  stats.model.licence === 'research_only' ? 'non-commercial research only' : 'free',
                ],
                ['version', stats.version],
              ]}
            />
            <Figures title="Tasks" rows={Object.entries(stats.tasks)} />
          </>
        )}
        <HealthCard />
      </div>
    </>
  );
}
