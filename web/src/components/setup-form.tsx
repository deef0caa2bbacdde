import { useState } from 'react';
import { api, ask } from '../api/client';
import { useAction } from '../lib/action';
import { t } from '../lib/i18n';
import { useNewSession } from '../lib/session';
import { Input } from './field';
import { NewPassword } from './new-password';
import { ErrorNote } from './notes';

/** Makes the administrator; there is no password before the one chosen here. */
export function SetupForm({ code: needsCode }: { code: boolean }) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [code, setCode] = useState('');
  const renew = useNewSession();
  const setup = useAction(
    () => ask(api.POST('/v1/setup', { body: { name, password, ...(needsCode && { code }) } })),
    { inline: true, done: (session) => void renew(session) },
  );
  const differ = again !== '' && again !== password;
  return (
    <form
      className="max-w-md space-y-4"
      onSubmit={(event) => {
        event.preventDefault();
        if (password === again) setup.mutate();
      }}
    >
      <Input
        label={t('login.name')}
        autoComplete="username"
        autoCapitalize="none"
        required
        maxLength={100}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <NewPassword label={t('login.password')} value={password} onChange={setPassword} />
      <Input
        label={t('password.again')}
        hint={differ && <span className="text-bad">{t('password.differ')}</span>}
        type="password"
        autoComplete="new-password"
        required
        value={again}
        onChange={(event) => setAgain(event.target.value)}
      />
      {needsCode && (
        <Input
          label={t('setup.code')}
          hint={t('setup.code_hint')}
          autoComplete="off"
          required
          value={code}
          onChange={(event) => setCode(event.target.value)}
        />
      )}
      {setup.error && <ErrorNote error={setup.error} />}
      <button type="submit" className="button button-main w-full" disabled={setup.isPending || differ}>
        {t('setup.action')}
      </button>
    </form>
  );
}
