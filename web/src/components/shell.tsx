import { type ReactNode, useCallback, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useStats } from '../lib/queries';
import { t } from '../lib/i18n';
import { useShortcuts } from '../lib/shortcuts';
import { DropTarget } from './drop-target';
import { Help } from './help';
import { chooseFiles } from './picker';
import { UploadPanel } from './upload-panel';
import { UserMenu } from './user-menu';

const PAGES = [
  ['/', 'nav.library', /^\/(media\/.*)?$/],
  ['/search', 'nav.search', /^\/search/],
  ['/tasks', 'nav.tasks', /^\/tasks/],
  ['/system', 'nav.system', /^\/(system|cache)/],
] as const;

function TopBar({ onHelp }: { onHelp: () => void }) {
  const [path] = useLocation();
  return (
    <header className="border-line bg-card sticky top-0 z-20 border-b print:hidden">
      <a
        href="#main"
        className="button absolute top-1 left-1 z-50 -translate-y-16 focus:translate-y-0"
        onClick={(event) => {
          event.preventDefault();
          (document.querySelector<HTMLElement>('main h1') ?? document.querySelector('main'))?.focus();
        }}
      >
        {t('nav.skip')}
      </a>
      <div className="mx-auto flex h-14 max-w-7xl items-center gap-x-1.5 px-3 sm:gap-x-6 sm:px-4">
        <Link href="/" className="flex items-center gap-2 text-lg font-semibold" aria-label="Facet">
          <img src="/favicon.svg" alt="" className="size-7" />
          <span className="hidden sm:inline">Facet</span>
        </Link>
        <nav aria-label={t('nav.pages')} className="flex h-full min-w-0">
          {PAGES.map(([href, name, matches]) => (
            <Link
              key={href}
              href={href}
              aria-current={matches.test(path) ? 'page' : undefined}
              className="text-soft hover:text-ink aria-[current=page]:text-ink aria-[current=page]:border-accent flex items-center border-b-2 border-transparent px-1 pt-0.5 text-[0.8125rem] font-medium sm:px-3 sm:text-sm"
            >
              {t(name)}
            </Link>
          ))}
        </nav>
        <div className="ml-auto">
          <UserMenu onHelp={onHelp} />
        </div>
      </div>
    </header>
  );
}

function Footer() {
  const { data: stats } = useStats();
  return (
    <footer className="text-soft mx-auto flex max-w-7xl flex-wrap gap-x-4 gap-y-1 px-4 pt-8 pb-6 text-xs print:hidden">
      <span>{stats ? t('footer.version', { version: stats.version }) : 'Facet'}</span>
      <Link href="/docs" className="link">
        {t('nav.docs')}
      </Link>
      {stats?.model.licence === 'research_only' && (
        <span role="note">{t('footer.licence', { pack: stats.model.pack })}</span>
      )}
    </footer>
  );
}

/** What is around every page. */
export function Shell({ children }: { children: ReactNode }) {
  const [help, setHelp] = useState(false);
  const openHelp = useCallback(() => setHelp(true), []);
  useShortcuts(openHelp, chooseFiles);
  return (
    <>
      <TopBar onHelp={openHelp} />
      <main id="main" tabIndex={-1} className="page mx-auto max-w-7xl px-3 py-5 outline-none sm:px-4">
        {children}
      </main>
      <Footer />
      <UploadPanel />
      <DropTarget />
      {help && <Help onClose={() => setHelp(false)} />}
    </>
  );
}
