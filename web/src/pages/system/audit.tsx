import { useInfiniteQuery } from '@tanstack/react-query';
import { useCallback } from 'react';
import { api, ask } from '../../api/client';
import type { AuditEntry } from '../../api/schema.gen';
import { Input } from '../../components/field';
import { TextFilter } from '../../components/media-filters';
import { Empty, Listed, When } from '../../components/notes';
import { Page } from '../../components/page';
import { midnight, useFilter } from '../../lib/filters';
import { known, t } from '../../lib/i18n';

const ALL = { action: '', actor: '', from: '', to: '' };

function Row({ entry }: { entry: AuditEntry }) {
  const detail = Object.entries(entry.detail);
  return (
    <tr>
      <td>
        <When at={entry.at} />
      </td>
      <td>
        <span className="break-words">{entry.actor.name || entry.actor.id}</span>
        <span className="text-soft block text-xs">{entry.actor.kind}</span>
      </td>
      <td>
        <code>{entry.action}</code>
        <span className="text-soft block text-xs">{known('action', entry.action, '')}</span>
      </td>
      <td className="min-w-48 break-all">
        {entry.object}
        {detail.length > 0 && (
          <span className="text-soft block text-xs">
            {detail
              .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
              .join(', ')}
          </span>
        )}
      </td>
      <td className="text-soft text-xs">
        {entry.remote_address}
        <span className="block max-w-28 truncate" title={entry.request_id}>
          {entry.request_id}
        </span>
      </td>
    </tr>
  );
}

export function AuditPage() {
  const [filter, change] = useFilter(ALL);
  const query = useInfiniteQuery({
    queryKey: ['audit', filter],
    queryFn: ({ pageParam, signal }) =>
      ask(
        api.GET('/v1/audit', {
          params: {
            query: {
              action: filter.action || undefined,
              actor: filter.actor || undefined,
              from: midnight(filter.from, 0),
              to: midnight(filter.to, 1),
              cursor: pageParam,
            },
          },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor,
  });
  const byAction = useCallback((action: string) => change({ action }), [change]);
  const byActor = useCallback((actor: string) => change({ actor }), [change]);
  return (
    <Page title={t('system.nav.audit')}>
      <p className="text-soft mb-4 text-sm">{t('audit.text')}</p>
      <div className="mb-4 grid grid-cols-2 gap-3 lg:grid-cols-4">
        <TextFilter label={t('audit.action')} value={filter.action} onChange={byAction} />
        <TextFilter label={t('audit.actor')} value={filter.actor} onChange={byActor} />
        <Input
          label={t('audit.from')}
          type="date"
          value={filter.from}
          onChange={(event) => change({ from: event.target.value })}
        />
        <Input
          label={t('audit.to')}
          type="date"
          value={filter.to}
          onChange={(event) => change({ to: event.target.value })}
        />
      </div>
      <Listed
        query={query}
        items={query.data?.pages.flatMap((page) => page.items) ?? []}
        empty={<Empty title={t('audit.none')} icon="search" />}
      >
        {(items) => (
          <div className="card overflow-x-auto" tabIndex={0} role="region" aria-label={t('system.nav.audit')}>
            <table className="table">
              <thead>
                <tr>
                  {(['when', 'actor', 'action', 'object', 'from_where'] as const).map((name) => (
                    <th key={name} scope="col">
                      {t(`audit.${name}`)}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {items.map((entry) => (
                  <Row key={entry.id} entry={entry} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Listed>
      {query.hasNextPage && (
        <button
          type="button"
          className="button mx-auto mt-4 flex"
          disabled={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          {t('act.more')}
        </button>
      )}
    </Page>
  );
}
