import { useState } from 'react';
import { api, ask } from '../api/client';
import { useAction } from '../lib/action';
import { t } from '../lib/i18n';
import { Dialog, DialogActions } from './dialog';
import { Input } from './field';
import { ErrorNote } from './notes';

export const PASSWORD_LEAST = 10;

export function PasswordDialog({ onClose }: { onClose: () => void }) {
  const [old, setOld] = useState('');
  const [next, setNext] = useState('');
  const change = useAction(
    () => ask(api.PUT('/v1/session/password', { body: { old_password: old, new_password: next } })),
    { inline: true, said: () => t('password.changed'), done: onClose },
  );
  return (
    <Dialog title={t('menu.password')} onClose={onClose}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate();
        }}
      >
        <Input
          label={t('password.old')}
          type="password"
          autoComplete="current-password"
          required
          data-focus
          value={old}
          onChange={(event) => setOld(event.target.value)}
        />
        <Input
          label={t('password.new')}
          hint={t('password.hint', { n: PASSWORD_LEAST })}
          type="password"
          autoComplete="new-password"
          required
          minLength={PASSWORD_LEAST}
          value={next}
          onChange={(event) => setNext(event.target.value)}
        />
        {change.error && <ErrorNote error={change.error} />}
        <DialogActions>
          <button type="button" className="button" onClick={onClose}>
            {t('act.cancel')}
          </button>
          <button type="submit" className="button button-main" disabled={change.isPending}>
            {t('act.save')}
          </button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
