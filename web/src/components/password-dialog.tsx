import { useState } from 'react';
import { api, ask } from '../api/client';
import { useAction } from '../lib/action';
import { t } from '../lib/i18n';
import { FormDialog } from './dialog';
import { NewPassword } from './new-password';
import { Input } from './field';

export function PasswordDialog({ onClose }: { onClose: () => void }) {
  const [old, setOld] = useState('');
  const [next, setNext] = useState('');
  const change = useAction(
    () => ask(api.PUT('/v1/session/password', { body: { old_password: old, new_password: next } })),
    { inline: true, said: () => t('password.changed'), done: onClose },
  );
  return (
    <FormDialog title={t('menu.password')} onClose={onClose} action={change} submit={t('act.save')}>
      <Input
        label={t('password.old')}
        type="password"
        autoComplete="current-password"
        required
        data-focus
        value={old}
        onChange={(event) => setOld(event.target.value)}
      />
      <NewPassword label={t('password.new')} value={next} onChange={setNext} />
    </FormDialog>
  );
}
