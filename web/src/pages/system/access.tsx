import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, ask, byId } from '../../api/client';
import type { Scope, User } from '../../api/schema.gen';
import { Confirm } from '../../components/confirm';
import { FormDialog } from '../../components/dialog';
import { NewPassword } from '../../components/new-password';
import { Input, Select } from '../../components/field';
import { Icon } from '../../components/icon';
import { Empty, Listed, When } from '../../components/notes';
import { Page } from '../../components/page';
import { SetupForm } from '../../components/setup-form';
import { useAction } from '../../lib/action';
import { t } from '../../lib/i18n';
import { useMay, useNewSession, useSession } from '../../lib/session';
import { scopeOptions } from './keys';

/** A new user, or another password for one. */
function UserDialog({ old, onClose }: { old: User | null; onClose: () => void }) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [scope, setScope] = useState<string>('read');
  const save = useAction(
    () =>
      old
        ? ask(api.PATCH('/v1/users/{id}', { ...byId(old.id), body: { password } }))
        : ask(api.POST('/v1/users', { body: { name: name.trim(), password, scope: scope as Scope } })),
    { inline: true, refresh: [['users']], said: () => t('saved.done'), done: onClose },
  );
  return (
    <FormDialog
      title={old ? t('users.password', { name: old.name }) : t('users.new')}
      onClose={onClose}
      action={save}
      submit={t('act.save')}
    >
      {!old && (
        <>
          <Input
            label={t('login.name')}
            required
            data-focus
            autoCapitalize="none"
            autoComplete="off"
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
        </>
      )}
      <NewPassword label={t('password.new')} value={password} onChange={setPassword} />
    </FormDialog>
  );
}

function UserRow({ user, own, onPassword }: { user: User; own: boolean; onPassword: () => void }) {
  const change = useAction(
    (scope: Scope) => ask(api.PATCH('/v1/users/{id}', { ...byId(user.id), body: { scope } })),
    { refresh: [['users'], ['session']], said: () => t('saved.done') },
  );
  const remove = useAction(() => ask(api.DELETE('/v1/users/{id}', byId(user.id))), {
    refresh: [['users'], ['session']],
    said: () => t('users.deleted', { name: user.name }),
  });
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-2 px-4 py-3 text-sm">
      <div className="min-w-0 flex-1 basis-44">
        <p className="font-medium break-words">
          {user.name} {own && <span className="badge">{t('users.you')}</span>}
        </p>
        <p className="text-soft text-xs">
          {t('users.last')} <When at={user.last_login_at} none={t('state.never')} />
        </p>
      </div>
      <Select
        bare
        label={t('users.scope', { name: user.name })}
        value={user.scope}
        disabled={change.isPending}
        onChange={(event) => change.mutate(event.target.value as Scope)}
        options={scopeOptions()}
      />
      <button type="button" className="button button-small" onClick={onPassword}>
        {t('users.set_password')}
      </button>
      <Confirm
        className="button button-small button-bad"
        label={t('act.delete')}
        question={t('users.question', { name: user.name })}
        disabled={remove.isPending}
        onConfirm={() => remove.mutate()}
      >
        {t('users.delete_text')}
      </Confirm>
    </li>
  );
}

function Users() {
  const { data: session } = useSession();
  const [editing, setEditing] = useState<User | 'new' | null>(null);
  const query = useQuery({
    queryKey: ['users'],
    queryFn: ({ signal }) => ask(api.GET('/v1/users', { signal })),
  });
  return (
    <section aria-labelledby="users" className="mb-8">
      <div className="mb-2 flex items-center justify-between gap-2">
        <h2 id="users">{t('users.title')}</h2>
        <button type="button" className="button" onClick={() => setEditing('new')}>
          <Icon name="add" />
          {t('users.new')}
        </button>
      </div>
      <Listed
        query={query}
        items={query.data?.items ?? []}
        empty={<Empty title={t('users.none')} icon="user" />}
      >
        {(items) => (
          <ul className="card divide-line divide-y">
            {items.map((user) => (
              <UserRow
                key={user.id}
                user={user}
                own={user.id === session?.user?.id}
                onPassword={() => setEditing(user)}
              />
            ))}
          </ul>
        )}
      </Listed>
      {editing && <UserDialog old={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
    </section>
  );
}

function Sessions() {
  const renew = useNewSession();
  const query = useQuery({
    queryKey: ['sessions'],
    queryFn: ({ signal }) => ask(api.GET('/v1/sessions', { signal })),
  });
  const everywhere = useAction(() => ask(api.DELETE('/v1/sessions')), { done: () => void renew() });
  return (
    <section aria-labelledby="sessions">
      <div className="mb-2 flex items-center justify-between gap-2">
        <h2 id="sessions">{t('sessions.title')}</h2>
        <button type="button" className="button" onClick={() => everywhere.mutate()}>
          {t('menu.logout_everywhere')}
        </button>
      </div>
      <Listed
        query={query}
        items={query.data?.items ?? []}
        empty={<Empty title={t('sessions.none')} icon="user" />}
      >
        {(items) => (
          <ul className="card divide-line divide-y">
            {items.map((one) => (
              <li key={one.created_at} className="px-4 py-3 text-sm">
                <p className="break-words">
                  {one.remote_address} {one.current && <span className="badge">{t('sessions.current')}</span>}
                </p>
                <p className="text-soft text-xs break-words">
                  {one.user_agent} · {t('sessions.seen')} <When at={one.last_seen_at} />
                </p>
              </li>
            ))}
          </ul>
        )}
      </Listed>
    </section>
  );
}

export function AccessPage() {
  const { data: session } = useSession();
  const admin = useMay('admin');
  if (!session) return null;
  return (
    <Page title={t('system.nav.access')}>
      {session.login_required ? (
        <>
          {admin && <Users />}
          {session.user?.kind === 'session' && <Sessions />}
        </>
      ) : (
        <section className="card max-w-xl p-5">
          <h2>{t('setup.require')}</h2>
          <p className="text-soft mt-1 mb-4 text-sm">{t('setup.require_text')}</p>
          <SetupForm code={session.setup_code_required} />
        </section>
      )}
    </Page>
  );
}
