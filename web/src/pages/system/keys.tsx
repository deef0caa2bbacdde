import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, ask, byId } from '../../api/client';
import type { Key, NewKey, Scope } from '../../api/schema.gen';
import { CollectionChoice } from '../../components/collection-choice';
import { Confirm } from '../../components/confirm';
import { Secret } from '../../components/copy';
import { FormDialog } from '../../components/dialog';
import { Input, Select } from '../../components/field';
import { Icon } from '../../components/icon';
import { Empty, Listed, When } from '../../components/notes';
import { Page } from '../../components/page';
import { useAction } from '../../lib/action';
import { date, isPast } from '../../lib/format';
import { t } from '../../lib/i18n';

export const SCOPES: readonly Scope[] = ['read', 'write', 'admin'];
export const scopeOptions = () => SCOPES.map((one) => [one, t(`scope.${one}`)] as const);

/** Keys end at the end of a day of the local calendar. */
function endOf(day: string): string | null {
  if (!day) return null;
  const at = new Date(`${day}T00:00:00`);
  at.setDate(at.getDate() + 1);
  return at.toISOString();
}

function KeyDialog({ onMade, onClose }: { onMade: (key: NewKey) => void; onClose: () => void }) {
  const [name, setName] = useState('');
  const [scope, setScope] = useState<string>('read');
  const [collections, setCollections] = useState<string[] | null>(null);
  const [until, setUntil] = useState('');
  const make = useAction(
    () =>
      ask(
        api.POST('/v1/keys', {
          body: { name: name.trim(), scope: scope as Scope, collections, expires_at: endOf(until) },
        }),
      ),
    { inline: true, refresh: [['keys']], done: onMade },
  );
  return (
    <FormDialog title={t('keys_page.new')} onClose={onClose} action={make} submit={t('keys_page.make')}>
      <Input
        label={t('keys_page.name')}
        hint={t('keys_page.name_hint')}
        required
        data-focus
        maxLength={100}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <Select
        label={t('keys_page.scope')}
        value={scope}
        onChange={(event) => setScope(event.target.value)}
        options={scopeOptions()}
      />
      <CollectionChoice chosen={collections} onChange={setCollections} />
      <Input
        label={t('keys_page.until_label')}
        type="date"
        min={new Date().toISOString().slice(0, 10)}
        value={until}
        onChange={(event) => setUntil(event.target.value)}
      />
    </FormDialog>
  );
}

function Row({ one }: { one: Key }) {
  const revoke = useAction(() => ask(api.DELETE('/v1/keys/{id}', byId(one.id))), {
    refresh: [['keys']],
    said: () => t('keys_page.revoked', { name: one.name }),
  });
  const over = one.revoked_at !== null || isPast(one.expires_at);
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-3 text-sm">
      <div className="min-w-0 flex-1 basis-52">
        <p className={over ? 'text-soft line-through' : 'font-medium'}>
          <span className="break-words">{one.name}</span>{' '}
          <code className="text-soft text-xs">…{one.hint}</code>
        </p>
        <p className="text-soft text-xs">
          {t(`scope.${one.scope}`)}
          {one.collections && `, ${one.collections.join(', ')}`}
          {' · '}
          {t('keys_page.used')} <When at={one.last_used_at} none={t('state.never')} />
          {one.expires_at && ` · ${t('keys_page.until')} ${date(one.expires_at)}`}
          {one.revoked_at && ` · ${t('keys_page.revoked_on', { date: date(one.revoked_at) })}`}
        </p>
      </div>
      {!one.revoked_at && (
        <Confirm
          className="button button-small button-bad"
          label={t('keys_page.revoke')}
          question={t('keys_page.question', { name: one.name })}
          disabled={revoke.isPending}
          onConfirm={() => revoke.mutate()}
        >
          {t('keys_page.revoke_text')}
        </Confirm>
      )}
    </li>
  );
}

export function KeysPage() {
  const [asking, setAsking] = useState(false);
  const [made, setMade] = useState<NewKey | null>(null);
  const query = useQuery({
    queryKey: ['keys'],
    queryFn: ({ signal }) => ask(api.GET('/v1/keys', { signal })),
  });
  return (
    <Page
      title={t('system.nav.keys')}
      actions={
        <button type="button" className="button button-main" onClick={() => setAsking(true)}>
          <Icon name="add" />
          {t('keys_page.new')}
        </button>
      }
    >
      <p className="text-soft mb-4 text-sm">{t('keys_page.text')}</p>
      {made && (
        <div className="mb-4">
          <Secret
            title={t('keys_page.made', { name: made.name })}
            text={t('secret.once')}
            secret={made.key}
          />
        </div>
      )}
      <Listed
        query={query}
        items={query.data?.items ?? []}
        empty={<Empty title={t('keys_page.none')} icon="user" />}
      >
        {(items) => (
          <ul className="card divide-line divide-y">
            {items.map((one) => (
              <Row key={one.id} one={one} />
            ))}
          </ul>
        )}
      </Listed>
      {asking && (
        <KeyDialog
          onClose={() => setAsking(false)}
          onMade={(key) => {
            setAsking(false);
            setMade(key);
          }}
        />
      )}
    </Page>
  );
}
