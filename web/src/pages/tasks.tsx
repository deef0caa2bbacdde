import { Link, useSearchParams } from 'wouter';
import { api, ask, byId } from '../api/client';
import type { Task, TaskState } from '../api/schema.gen';
import { Confirm } from '../components/confirm';
import { Empty, Listed, When } from '../components/notes';
import { Page } from '../components/page';
import { RETRYABLE, TaskList } from '../components/task-list';
import { ThroughputChart } from '../components/throughput-chart';
import { useAction } from '../lib/action';
import { forAll } from '../lib/actions';
import { number } from '../lib/format';
import { t } from '../lib/i18n';
import { useStats, useTasks } from '../lib/queries';
import { useMay } from '../lib/session';

const STATES: TaskState[] = ['leased', 'queued', 'done', 'failed', 'dead', 'cancelled'];
const PAGE = 500;

async function allOf(state: TaskState): Promise<Task[]> {
  const all: Task[] = [];
  let cursor: string | undefined;
  do {
    const page = await ask(api.GET('/v1/tasks', { params: { query: { state, limit: PAGE, cursor } } }));
    all.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  return all;
}

function RetryAll({ state, count }: { state: TaskState; count: number }) {
  const retry = useAction(
    async () => {
      const tasks = await allOf(state);
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

/** Who holds tasks at this moment. */
function Workers() {
  const { data } = useTasks('leased');
  const running = data?.pages.flatMap((page) => page.items) ?? [];
  const workers = [...new Set(running.map(({ worker }) => worker ?? '—'))].sort();
  return (
    <section className="card p-4" aria-labelledby="workers">
      <h2 id="workers">{t('tasks.workers')}</h2>
      {workers.length === 0 ? (
        <p className="text-soft mt-1 text-sm">{t('tasks.no_workers')}</p>
      ) : (
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
  const { data: stats, dataUpdatedAt } = useStats();
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
        <ThroughputChart at={dataUpdatedAt} />
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
