import type { ComponentType } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';
import type { Scope } from '../../api/schema.gen';
import { ScrollRow } from '../../components/scroll-row';
import { ForbiddenPage, MissingPage } from '../../components/page';
import { t, type TextKey } from '../../lib/i18n';
import { useMay } from '../../lib/session';
import { AccessPage } from './access';
import { AuditPage } from './audit';
import { CachePage } from './cache';
import { CollectionsPage } from './collections';
import { ErasurePage } from './erasure';
import { KeysPage } from './keys';
import { OverviewPage } from './overview';
import { ReceiptPage } from './receipt';
import { SettingsPage } from './settings';
import { WebhooksPage } from './webhooks';

interface Entry {
  path: string;
  name: Extract<TextKey, `system.nav.${string}`>;
  scope: Scope;
  page: ComponentType;
}

const ENTRIES: Entry[] = [
  { path: '/system', name: 'system.nav.overview', scope: 'read', page: OverviewPage },
  { path: '/system/collections', name: 'system.nav.collections', scope: 'read', page: CollectionsPage },
  { path: '/cache', name: 'system.nav.cache', scope: 'read', page: CachePage },
  { path: '/system/access', name: 'system.nav.access', scope: 'read', page: AccessPage },
  { path: '/system/keys', name: 'system.nav.keys', scope: 'admin', page: KeysPage },
  { path: '/system/webhooks', name: 'system.nav.webhooks', scope: 'admin', page: WebhooksPage },
  { path: '/system/audit', name: 'system.nav.audit', scope: 'admin', page: AuditPage },
  { path: '/system/erasure', name: 'system.nav.erasure', scope: 'admin', page: ErasurePage },
  { path: '/system/settings', name: 'system.nav.settings', scope: 'admin', page: SettingsPage },
];

export function SystemPages() {
  const [path] = useLocation();
  const at = path.startsWith('/system/erasure/') ? '/system/erasure' : path; // a receipt
  const admin = useMay('admin');
  const may = (scope: Scope) => admin || scope === 'read';
  return (
    <div className="grid items-start gap-x-8 gap-y-4 md:grid-cols-[11rem_minmax(0,1fr)]">
      <ScrollRow
        label={t('system.title')}
        at={at}
        className="flex gap-1 overflow-x-auto max-md:-mx-3 max-md:px-3 md:sticky md:top-20 md:flex-col md:overflow-visible print:hidden"
      >
        {ENTRIES.filter(({ scope }) => may(scope)).map((entry) => (
          <Link
            key={entry.path}
            href={entry.path}
            aria-current={at === entry.path ? 'page' : undefined}
            className="text-soft hover:bg-card hover:text-ink aria-[current=page]:bg-tint aria-[current=page]:text-ink rounded-md px-3 py-2 text-sm font-medium -outline-offset-2 whitespace-nowrap"
          >
            {t(entry.name)}
          </Link>
        ))}
      </ScrollRow>
      <div className="min-w-0">
        <Switch>
          {ENTRIES.map(({ path: at, scope, page: Shown }) => (
            <Route key={at} path={at}>
              {may(scope) ? <Shown /> : <ForbiddenPage />}
            </Route>
          ))}
          <Route path="/system/erasure/:id">
            {({ id }) => (admin ? <ReceiptPage id={id} /> : <ForbiddenPage />)}
          </Route>
          <Route component={MissingPage} />
        </Switch>
      </div>
    </div>
  );
}
