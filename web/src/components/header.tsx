import { Link, useLocation } from 'wouter';
import { useUploads } from '../lib/state';
import { toggleTheme } from '../lib/theme';
import { useStats } from '../lib/queries';

const PAGES = [
  ['/', 'Search'],
  ['/add', 'Add photos'],
  ['/library', 'Library'],
  ['/status', 'Status'],
] as const;

export function Header() {
  const [path] = useLocation();
  const { counts } = useUploads();
  const { data: stats } = useStats();
  const open = counts.waiting + counts.sending + counts.processing;
  return (
    <header className="border-line bg-card border-b">
      <a href="#main" className="button absolute top-1 left-1 z-50 -translate-y-16 focus:translate-y-0">
        Skip to content
      </a>
      <div className="mx-auto flex max-w-7xl flex-wrap items-center gap-x-5 gap-y-1 px-4 py-2">
        <Link href="/" className="flex items-center gap-2 text-lg font-semibold">
          <img src="/favicon.svg" alt="" className="size-6" />
          Facet
        </Link>
        <nav aria-label="Pages" className="order-last -mx-2 flex w-full sm:order-none sm:w-auto">
          {PAGES.map(([href, name]) => (
            <Link
              key={href}
              href={href}
              aria-current={path === href ? 'page' : undefined}
              className="text-soft aria-[current=page]:text-ink aria-[current=page]:border-accent border-b-2 border-transparent px-2.5 py-2 text-sm font-medium whitespace-nowrap"
            >
              {name}
              {href === '/add' && open > 0 && <span className="text-accent"> ({open})</span>}
            </Link>
          ))}
        </nav>
        <button type="button" className="button ml-auto" onClick={toggleTheme}>
          Light / dark
        </button>
      </div>
      {stats?.model.licence === 'research_only' && (
        <p className="border-line text-fair border-t px-4 py-1 text-center text-xs" role="note">
          Model pack “{stats.model.pack}”: its weights are for non-commercial research only.
        </p>
      )}
    </header>
  );
}
