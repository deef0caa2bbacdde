import { Link, useSearchParams } from 'wouter';
import { api, ask, byId } from '../api/client';
import type { TaskState } from '../api/schema.gen';
import { Confirm } from '../components/confirm';
import { Empty, ErrorNote, Listed, When } from '../components/notes';
import { Page } from '../components/page';
import { RETRYABLE, TaskList } from '../components/task-list';
import { ThroughputChart } from '../components/throughput-chart';
import { useAction } from '../lib/action';
import { forAll } from '../lib/actions';
import { number } from '../lib/format';
import { t } from '../lib/i18n';
import { tasksOf, useHealth, useStats, useTasks } from '../lib/queries';
import { useMay } from '../lib/session';

const STATES: TaskState[] = ['leased', 'queued', 'done', 'failed', 'dead', 'cancelled'];

function RetryAll({ state, count }: { state: TaskState; count: number }) {
  const retry = useAction(
    async () => {
      const tasks = await tasksOf(state, () => false);
      await forAll(tasks, ({ id }) => ask(api.POST('/v1/tasks/{id}/retry', byId(id))));
      return tasks.length;
    },
    { refresh: [['tasks'], ['stats']], said: (n) => t('tasks.retried', { n }) },
  );
  return (
    <Confirm
      className="button"
      label={t('tasks.retry_all')}
      question={t('tasks.retry_question', { n: count })}
      disabled={retry.isPending}
      onConfirm={() => retry.mutate()}
    >
      {t('tasks.retry_text')}
    </Confirm>
  );
}

/** How many workers the process that answers has; undefined when it has none or does not tell. */
function useWorkerCount(): number | undefined {
  const { data } = useHealth();
  const told = /^\d+ of (\d+) busy$/.exec(data?.checks['workers']?.detail ?? '');
  return told ? Number(told[1]) : undefined;
}

/** Who holds tasks at this moment. */
function Workers() {
  const { data, error, refetch } = useTasks('leased');
  const all = useWorkerCount();
  if (error && !data) return <ErrorNote error={error} retry={() => void refetch()} />;
  const running = data?.pages.flatMap((page) => page.items) ?? [];
  const workers = [...new Set(running.map(({ worker }) => worker ?? '—'))].sort();
  const summary = () => {
    if (!data) return t('state.loading');
    if (all !== undefined) return t('tasks.busy', { n: Math.min(all, running.length), all });
    return running.length === 0 && t('tasks.no_workers');
  };
  return (
    <section className="card p-4" aria-labelledby="workers">
      <h2 id="workers">{t('tasks.workers')}</h2>
      <p className="text-soft mt-1 min-h-5 text-sm tabular-nums">{summary()}</p>
      {workers.length > 0 && (
        <ul className="mt-2 max-h-40 space-y-1.5 overflow-y-auto text-sm" tabIndex={0}>
          {workers.map((worker) => {
            const held = running.filter((task) => (task.worker ?? '—') === worker);
            const oldest = held.at(-1);
            return (
              <li key={worker} className="flex flex-wrap items-baseline gap-x-2">
                <span className="font-medium break-all">{worker}</span>
                <span className="text-soft text-xs">
                  {t('count.tasks', { n: held.length })}
                  {oldest?.started_at && (
                    <>
                      , {t('tasks.since')} <When at={oldest.started_at} />
                    </>
                  )}
                </span>
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}

export function TasksPage() {
  const [params] = useSearchParams();
  const state = STATES.find((one) => one === params.get('state'));
  const { data: stats, error, refetch, dataUpdatedAt } = useStats();
  const tasks = useTasks(state);
  const mayWrite = useMay('write');
  const items = tasks.data?.pages.flatMap((page) => page.items) ?? [];
  const counts = stats?.tasks ?? {};
  const tab =
    'border-line bg-card aria-[current=page]:bg-tint aria-[current=page]:border-accent flex min-h-9 items-center gap-1.5 rounded-full border px-3 text-sm whitespace-nowrap';
  const of = (one: TaskState) => (counts[one] ?? 0) + (one === 'queued' ? (counts['delayed'] ?? 0) : 0);
  return (
    <Page
      title={t('tasks.title')}
      actions={
        mayWrite &&
        state &&
        RETRYABLE.includes(state) &&
        items.length > 0 && <RetryAll state={state} count={Math.max(of(state), items.length)} />
      }
    >
      <div className="mb-4 grid gap-4 md:grid-cols-2">
        {error && !stats ? (
          <ErrorNote error={error} retry={() => void refetch()} />
        ) : (
          <ThroughputChart at={dataUpdatedAt} />
        )}
        <Workers />
      </div>
      <nav aria-label={t('tasks.states')} className="mb-4 flex flex-wrap gap-2">
        <Link href="/tasks" aria-current={state ? undefined : 'page'} className={tab}>
          {t('tasks.all')}
        </Link>
        {STATES.map((one) => (
          <Link
            key={one}
            href={`/tasks?state=${one}`}
            aria-current={state === one ? 'page' : undefined}
            className={tab}
          >
            {t(`tasks.${one}`)}
            <span className="text-soft text-xs tabular-nums">{stats && number(of(one))}</span>
          </Link>
        ))}
      </nav>
      <Listed
        query={tasks}
        items={items}
        empty={
          <Empty title={t('tasks.empty')} icon="check">
            <p>{t('tasks.empty_text')}</p>
          </Empty>
        }
      >
        {(some) => <TaskList tasks={some} />}
      </Listed>
      {tasks.hasNextPage && (
        <button
          type="button"
          className="button mx-auto mt-4 flex"
          disabled={tasks.isFetchingNextPage}
          onClick={() => void tasks.fetchNextPage()}
        >
          {t('act.more')}
        </button>
      )}
    </Page>
  );
}
