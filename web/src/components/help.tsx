import type { ReactNode } from 'react';
import { t } from '../lib/i18n';
import { PLACES } from '../lib/shortcuts';
import { Dialog } from './dialog';

const NAMES = { l: 'nav.library', s: 'nav.search', t: 'nav.tasks', y: 'nav.system' } as const;

const Key = ({ children }: { children: ReactNode }) => (
  <kbd className="border-line bg-page inline-block min-w-6 rounded border px-1.5 text-center text-xs leading-5">
    {children}
  </kbd>
);

const Line = ({ keys, children }: { keys: ReactNode; children: ReactNode }) => (
  <div className="flex items-baseline justify-between gap-4">
    <dt className="text-soft">{children}</dt>
    <dd className="shrink-0">{keys}</dd>
  </div>
);

export const Help = ({ onClose }: { onClose: () => void }) => (
  <Dialog title={t('keys.title')} onClose={onClose}>
    <dl className="space-y-2 text-sm">
      <Line keys={<Key>/</Key>}>{t('keys.search')}</Line>
      <Line keys={<Key>u</Key>}>{t('keys.upload')}</Line>
      {(Object.keys(PLACES) as (keyof typeof PLACES)[]).map((key) => (
        <Line
          key={key}
          keys={
            <>
              <Key>g</Key> {t('keys.then')} <Key>{key}</Key>
            </>
          }
        >
          {t(NAMES[key])}
        </Line>
      ))}
      <Line
        keys={
          <>
            <Key>←</Key> <Key>→</Key> <Key>↑</Key> <Key>↓</Key>
          </>
        }
      >
        {t('keys.grid')}
      </Line>
      <Line keys={<Key>Esc</Key>}>{t('keys.escape')}</Line>
      <Line keys={<Key>?</Key>}>{t('keys.help')}</Line>
    </dl>
  </Dialog>
);
