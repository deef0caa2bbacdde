import { useId, useState } from 'react';
import { api, ask } from '../api/client';
import { useAction } from '../lib/action';
import { type Language, LANGUAGES, setLanguage, t, useLanguage } from '../lib/i18n';
import { useNewSession, useSession } from '../lib/session';
import { setTheme, THEMES, useTheme } from '../lib/theme';
import { Icon } from './icon';
import { Menu } from './menu';
import { PasswordDialog } from './password-dialog';

interface ChoiceProps<T extends string> {
  legend: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}

function Choice<T extends string>({ legend, value, options, onChange }: ChoiceProps<T>) {
  const id = useId();
  return (
    <div role="radiogroup" aria-labelledby={id} className="border-line border-t p-2">
      <p id={id} className="text-soft pb-1 text-xs">
        {legend}
      </p>
      {options.map(([option, text]) => (
        <label key={option} className="flex min-h-7 items-center gap-2 text-sm">
          <input
            type="radio"
            name={id}
            className="accent-accent"
            checked={option === value}
            onChange={() => onChange(option)}
          />
          {text}
        </label>
      ))}
    </div>
  );
}

/** Who is here, colours, language, and the way out. */
export function UserMenu({ onHelp }: { onHelp?: () => void }) {
  const { data: session } = useSession();
  const theme = useTheme();
  const language = useLanguage();
  const [changing, setChanging] = useState(false);
  const renew = useNewSession();
  const logout = useAction(() => ask(api.DELETE('/v1/session')), { done: () => void renew() });
  const everywhere = useAction(() => ask(api.DELETE('/v1/sessions')), { done: () => void renew() });
  const user = session?.user;
  const loggedIn = user?.kind === 'session';
  const name = loggedIn ? user.name : t('menu.nobody');
  return (
    <>
      <Menu className="icon-button" name={t('menu.open', { name })} label={<Icon name="menu" />}>
        {(close) => (
          <>
            {user && (
              <p className="flex items-center gap-2 px-2 pt-1 pb-2 text-sm">
                <Icon name="user" className="text-soft size-5" />
                <span className="min-w-0">
                  <span className="block truncate font-medium">{name}</span>
                  <span className="text-soft block text-xs">{t(`scope.${user.scope}`)}</span>
                </span>
              </p>
            )}
            <Choice
              legend={t('menu.theme')}
              value={theme}
              options={THEMES.map((one) => [one, t(`theme.${one}`)] as const)}
              onChange={setTheme}
            />
            <Choice
              legend={t('menu.language')}
              value={language}
              options={Object.entries(LANGUAGES) as [Language, string][]}
              onChange={setLanguage}
            />
            <div className="border-line border-t pt-1">
              {onHelp && (
                <button
                  type="button"
                  className="menu-item"
                  onClick={() => {
                    close();
                    onHelp();
                  }}
                >
                  {t('menu.shortcuts')}
                </button>
              )}
              {loggedIn && (
                <>
                  <button
                    type="button"
                    className="menu-item"
                    onClick={() => {
                      close();
                      setChanging(true);
                    }}
                  >
                    {t('menu.password')}
                  </button>
                  <button type="button" className="menu-item" onClick={() => logout.mutate()}>
                    {t('menu.logout')}
                  </button>
                  <button type="button" className="menu-item" onClick={() => everywhere.mutate()}>
                    {t('menu.logout_everywhere')}
                  </button>
                </>
              )}
            </div>
          </>
        )}
      </Menu>
      {changing && <PasswordDialog onClose={() => setChanging(false)} />}
    </>
  );
}
