import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, ask } from '../../api/client';
import { Check, Input } from '../../components/field';
import { Empty, Listed } from '../../components/notes';
import { Page } from '../../components/page';
import { t } from '../../lib/i18n';

export function SettingsPage() {
  const [part, setPart] = useState('');
  const [changed, setChanged] = useState(false);
  const query = useQuery({
    queryKey: ['settings'],
    queryFn: ({ signal }) => ask(api.GET('/v1/settings', { signal })),
  });
  const wanted = part.trim().toLowerCase();
  const items = (query.data?.items ?? []).filter(
    (one) =>
      (!changed || one.changed) &&
      (one.name.toLowerCase().includes(wanted) || one.meaning.toLowerCase().includes(wanted)),
  );
  return (
    <Page title={t('system.nav.settings')}>
      <p className="text-soft mb-4 text-sm">{t('settings.text')}</p>
      <div className="mb-4 flex flex-wrap items-center gap-4">
        <Input
          bare
          label={t('settings.filter')}
          placeholder={t('settings.filter')}
          type="search"
          className="w-full sm:w-72"
          value={part}
          onChange={(event) => setPart(event.target.value)}
        />
        <Check
          label={t('settings.changed')}
          checked={changed}
          onChange={(event) => setChanged(event.target.checked)}
        />
      </div>
      <Listed query={query} items={items} empty={<Empty title={t('settings.none')} icon="search" />}>
        {(some) => (
          <ul className="card divide-line divide-y">
            {some.map((one) => (
              <li key={one.name} className="px-4 py-2.5 text-sm">
                <p className="flex flex-wrap items-baseline justify-between gap-x-4">
                  <code className="font-medium break-all">{one.name}</code>
                  <span className="break-all">
                    <code className={one.changed ? 'text-accent font-semibold' : ''}>{one.value || '—'}</code>
                    {one.changed && (
                      <span className="text-soft text-xs">
                        {' '}
                        {t('settings.default', { value: one.default || '—' })}
                      </span>
                    )}
                  </span>
                </p>
                <p className="text-soft text-xs">{one.meaning}</p>
              </li>
            ))}
          </ul>
        )}
      </Listed>
    </Page>
  );
}
