import { Link } from 'wouter';
import { api, ask, byId } from '../api/client';
import type { Task, TaskState } from '../api/schema.gen';
import { useAction } from '../lib/action';
import { reasonOf } from '../lib/error-text';
import { duration } from '../lib/format';
import { named, t } from '../lib/i18n';
import { useMay } from '../lib/session';
import { AnalysisProgress } from './analysis-progress';
import { When } from './notes';

const COLOURS: Record<TaskState, string> = {
  queued: 'text-soft',
  leased: 'text-fair',
  done: 'text-good',
  failed: 'text-bad',
  dead: 'text-bad',
  cancelled: 'text-soft',
};

export const RETRYABLE: readonly TaskState[] = ['failed', 'dead', 'cancelled'];

const timeOf = (task: Task) => task.finished_at ?? task.started_at ?? task.created_at;
const tookOf = ({ started_at, finished_at }: Task) =>
  started_at && finished_at ? Date.parse(finished_at) - Date.parse(started_at) : null;

function Row({ task, mayWrite }: { task: Task; mayWrite: boolean }) {
  const refresh = [['tasks'], ['stats']];
  const retry = useAction(() => ask(api.POST('/v1/tasks/{id}/retry', byId(task.id))), {
    refresh,
    said: () => t('task.retried'),
  });
  const cancel = useAction(() => ask(api.POST('/v1/tasks/{id}/cancel', byId(task.id))), {
    refresh,
    said: () => t('task.cancelled'),
  });
  const took = tookOf(task);
  return (
    <li className="border-line flex flex-wrap items-center gap-x-3 gap-y-1 border-b px-3 py-2 text-sm last:border-b-0">
      <div className="min-w-0 flex-1 basis-60">
        <p className="flex flex-wrap items-baseline gap-x-2">
          <span className={`font-medium ${COLOURS[task.state]}`}>{t(`task.state.${task.state}`)}</span>
          <span className="break-all" title={task.name}>
            {named('task.name', task.name)}
          </span>
          {task.media_id && (
            <Link href={`/media/${task.media_id}`} className="link text-xs">
              {t('task.media')}
            </Link>
          )}
        </p>
        {task.state === 'leased' && task.media_id && <AnalysisProgress id={task.media_id} />}
        {task.error && <p className="text-bad text-xs break-words">{reasonOf(task.error)}</p>}
        <p className="text-soft text-xs">
          <When at={timeOf(task)} />
          {took !== null && ` · ${t('task.took', { time: duration(took) })}`}
          {task.attempts > 1 && ` · ${t('task.attempt', { n: task.attempts, most: task.max_attempts })}`}
          {task.worker && ` · ${task.worker}`}
        </p>
      </div>
      {mayWrite && RETRYABLE.includes(task.state) && (
        <button
          type="button"
          className="button button-small"
          disabled={retry.isPending}
          onClick={() => retry.mutate()}
        >
          {t('task.retry')}
        </button>
      )}
      {mayWrite && (task.state === 'queued' || task.state === 'leased') && (
        <button
          type="button"
          className="button button-small"
          disabled={cancel.isPending}
          onClick={() => cancel.mutate()}
        >
          {t('task.cancel')}
        </button>
      )}
    </li>
  );
}

export function TaskList({ tasks }: { tasks: readonly Task[] }) {
  const mayWrite = useMay('write');
  return (
    <ul className="card" aria-label={t('tasks.title')}>
      {tasks.map((task) => (
        <Row key={task.id} task={task} mayWrite={mayWrite} />
      ))}
    </ul>
  );
}
