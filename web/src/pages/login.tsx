import { type ReactNode, useState } from 'react';
import { api, ask } from '../api/client';
import { Input } from '../components/field';
import { ErrorNote } from '../components/notes';
import { Page } from '../components/page';
import { SetupForm } from '../components/setup-form';
import { UserMenu } from '../components/user-menu';
import { useAction } from '../lib/action';
import { t } from '../lib/i18n';
import { useNewSession, useSession } from '../lib/session';

const Frame = ({ title, text, children }: { title: string; text: string; children: ReactNode }) => (
  <div className="mx-auto flex min-h-screen max-w-md flex-col px-4 py-6">
    <header className="flex items-center justify-between">
      <p className="flex items-center gap-2 text-lg font-semibold">
        <img src="/favicon.svg" alt="" className="size-7" />
        Facet
      </p>
      <UserMenu />
    </header>
    <main className="card my-auto p-6">
      <Page title={title}>
        <p className="text-soft mb-4 text-sm">{text}</p>
        {children}
      </Page>
    </main>
  </div>
);

export function LoginPage() {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const renew = useNewSession();
  const login = useAction(() => ask(api.POST('/v1/session', { body: { name, password } })), {
    inline: true,
    done: (session) => void renew(session),
  });
  return (
    <Frame title={t('login.title')} text={t('login.text')}>
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          login.mutate();
        }}
      >
        <Input
          label={t('login.name')}
          autoComplete="username"
          autoCapitalize="none"
          required
          autoFocus
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <Input
          label={t('login.password')}
          type="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        {login.error && <ErrorNote error={login.error} />}
        <button type="submit" className="button button-main w-full" disabled={login.isPending}>
          {t('login.action')}
        </button>
      </form>
    </Frame>
  );
}

export function SetupPage() {
  const { data: session } = useSession();
  return (
    <Frame title={t('setup.title')} text={t('setup.text')}>
      <SetupForm code={session?.setup_code_required ?? false} />
    </Frame>
  );
}
