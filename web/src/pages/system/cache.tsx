import { useQuery } from '@tanstack/react-query';
import { askOriginal } from '../../api/client';
import { Confirm } from '../../components/confirm';
import { ErrorNote, Loading } from '../../components/notes';
import { Page } from '../../components/page';
import { useAction } from '../../lib/action';
import { bytesOf, number, percent } from '../../lib/format';
import { t } from '../../lib/i18n';
import { useMay } from '../../lib/session';
import { Figures } from './overview';

const REFRESH_MS = 5000;

interface CacheStats {
  cache_stats: {
    redis_version: string;
    used_memory: string;
    total_search_keys: number;
    keyspace_hits: number;
    keyspace_misses: number;
    hit_rate: number; // percent
  };
}

/** The page of the original system at its address. */
export function CachePage() {
  const mayClear = useMay('admin');
  const { data, error, refetch } = useQuery({
    queryKey: ['cache'],
    queryFn: () => askOriginal<CacheStats>('/cache/stats'),
    refetchInterval: REFRESH_MS,
  });
  const clear = useAction(() => askOriginal<{ deleted_count: number }>('/cache/clear', 'POST'), {
    refresh: [['cache']],
    said: ({ deleted_count: n }) => t('cache.cleared', { n }),
  });
  const stats = data?.cache_stats;
  return (
    <Page
      title={t('system.nav.cache')}
      actions={
        mayClear && (
          <Confirm
            label={t('cache.clear')}
            question={t('cache.question')}
            disabled={clear.isPending}
            onConfirm={() => clear.mutate()}
          >
            {t('cache.clear_text')}
          </Confirm>
        )
      }
    >
      <p className="text-soft mb-4 text-sm">{t('cache.text')}</p>
      {error && <ErrorNote error={error} retry={() => void refetch()} />}
      {!stats && !error && <Loading rows={1} />}
      {stats && (
        <div className="max-w-lg space-y-4">
          <div className="card p-4">
            <p className="flex items-baseline justify-between text-sm">
              <span className="font-semibold">{t('cache.rate')}</span>
              <span className="tabular-nums">{percent(stats.hit_rate / 100)}</span>
            </p>
            <progress
              className="bar mt-2 h-2"
              max={100}
              value={stats.hit_rate}
              aria-label={t('cache.rate')}
            />
          </div>
          <Figures
            title={t('cache.figures')}
            rows={[
              [t('cache.hits'), number(stats.keyspace_hits)],
              [t('cache.misses'), number(stats.keyspace_misses)],
              [t('cache.entries'), number(stats.total_search_keys)],
              [t('cache.memory'), bytesOf(stats.used_memory)],
              [t('cache.engine'), stats.redis_version],
            ]}
          />
        </div>
      )}
    </Page>
  );
}
