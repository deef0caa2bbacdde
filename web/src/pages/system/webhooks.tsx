import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, ask, byId } from '../../api/client';
import type { Delivery, NewWebhook, Webhook } from '../../api/schema.gen';
import { Confirm } from '../../components/confirm';
import { Secret } from '../../components/copy';
import { Icon } from '../../components/icon';
import { Empty, Listed, When } from '../../components/notes';
import { Page } from '../../components/page';
import { WebhookDialog } from '../../components/webhook-dialog';
import { useAction } from '../../lib/action';
import { t } from '../../lib/i18n';

const DELIVERIES_MS = 3000;

const COLOURS = { pending: 'text-fair', delivered: 'text-good', failed: 'text-bad' };

const DeliveryLine = ({ one }: { one: Delivery }) => (
  <span className="flex flex-wrap items-baseline gap-x-2 text-xs">
    <span className={COLOURS[one.state]}>{t(`delivery.${one.state}`)}</span>
    <code>{one.event}</code>
    {(one.status !== null || one.error) && (
      <span className="min-w-0 break-words">{[one.status, one.error].filter(Boolean).join(': ')}</span>
    )}
    <span className="text-soft">
      <When at={one.at} />
      {one.attempt > 1 && `, ${t('hooks.attempt', { n: one.attempt })}`}
    </span>
  </span>
);

function Deliveries({ id }: { id: string }) {
  const query = useQuery({
    queryKey: ['deliveries', id],
    queryFn: ({ signal }) => ask(api.GET('/v1/webhooks/{id}/deliveries', { ...byId(id), signal })),
    refetchInterval: DELIVERIES_MS,
  });
  return (
    <div className="mt-2 w-full">
      <Listed
        query={query}
        items={query.data?.items ?? []}
        empty={<p className="text-soft text-xs">{t('hooks.no_deliveries')}</p>}
      >
        {(items) => (
          <ul className="space-y-1" aria-label={t('hooks.deliveries')}>
            {items.map((one) => (
              <li key={one.id}>
                <DeliveryLine one={one} />
              </li>
            ))}
          </ul>
        )}
      </Listed>
    </div>
  );
}

function Row({ hook, onEdit }: { hook: Webhook; onEdit: () => void }) {
  const [open, setOpen] = useState(false);
  const refresh = [['webhooks'], ['deliveries', hook.id]];
  const test = useAction(() => ask(api.POST('/v1/webhooks/{id}/test', byId(hook.id))), {
    refresh,
    said: () => t('hooks.tested'),
    done: () => setOpen(true),
  });
  const remove = useAction(() => ask(api.DELETE('/v1/webhooks/{id}', byId(hook.id))), {
    refresh: [['webhooks']],
    said: () => t('hooks.deleted'),
  });
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3 text-sm">
      <div className="min-w-0 flex-1 basis-64">
        <p className="font-medium break-all">
          {hook.url} {!hook.active && <span className="badge">{t('hooks.off')}</span>}
        </p>
        <p className="text-soft text-xs break-words">
          {hook.events.join(', ')}
          {hook.collections && ` · ${hook.collections.join(', ')}`}
          {hook.watched_faces.length > 0 && ` · ${t('hooks.watches', { n: hook.watched_faces.length })}`}
        </p>
        {hook.consecutive_failures > 0 && (
          <p className="text-bad text-xs">{t('hooks.failures', { n: hook.consecutive_failures })}</p>
        )}
        {!open && hook.last_delivery && <DeliveryLine one={hook.last_delivery} />}
      </div>
      <div className="flex flex-wrap gap-2">
        <button
          type="button"
          className="button button-small"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {t('hooks.deliveries')}
        </button>
        <button
          type="button"
          className="button button-small"
          disabled={test.isPending}
          onClick={() => test.mutate()}
        >
          {t('hooks.test')}
        </button>
        <button type="button" className="button button-small" onClick={onEdit}>
          {t('act.edit')}
        </button>
        <Confirm
          className="button button-small button-bad"
          label={t('act.delete')}
          question={t('hooks.question')}
          disabled={remove.isPending}
          onConfirm={() => remove.mutate()}
        >
          {hook.url}
        </Confirm>
      </div>
      {open && <Deliveries id={hook.id} />}
    </li>
  );
}

export function WebhooksPage() {
  const [editing, setEditing] = useState<Webhook | 'new' | null>(null);
  const [made, setMade] = useState<NewWebhook | null>(null);
  const query = useQuery({
    queryKey: ['webhooks'],
    queryFn: ({ signal }) => ask(api.GET('/v1/webhooks', { signal })),
  });
  return (
    <Page
      title={t('system.nav.webhooks')}
      actions={
        <button type="button" className="button button-main" onClick={() => setEditing('new')}>
          <Icon name="add" />
          {t('hooks.new')}
        </button>
      }
    >
      <p className="text-soft mb-4 text-sm">{t('hooks.text')}</p>
      {made && (
        <div className="mb-4">
          <Secret title={t('hooks.made')} text={t('secret.once')} secret={made.secret} />
        </div>
      )}
      <Listed
        query={query}
        items={query.data?.items ?? []}
        empty={<Empty title={t('hooks.none')} icon="link" />}
      >
        {(items) => (
          <ul className="card divide-line divide-y">
            {items.map((hook) => (
              <Row key={hook.id} hook={hook} onEdit={() => setEditing(hook)} />
            ))}
          </ul>
        )}
      </Listed>
      {editing && (
        <WebhookDialog
          old={editing === 'new' ? null : editing}
          onMade={setMade}
          onClose={() => setEditing(null)}
        />
      )}
    </Page>
  );
}
