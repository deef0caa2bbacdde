import { Component, type ReactNode, useRef } from 'react';
import { Link } from 'wouter';
import { t } from '../lib/i18n';
import { useArrival } from '../lib/navigation';
import { ErrorNote } from './notes';

interface Props {
  title: string;
  /** Beside the heading: counts, a status. */
  aside?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** A page with its title in the tab and as its heading. */
export function Page({ title, aside, actions, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useArrival(heading);
  return (
    <>
      <title>{`${title} – Facet`}</title>
      <div className="mb-4 flex min-h-10 flex-wrap items-center gap-x-3 gap-y-2">
        <h1 ref={heading} tabIndex={-1} className="min-w-0 break-words outline-none">
          {title}
        </h1>
        {aside && <span className="text-soft text-sm">{aside}</span>}
        {actions && <div className="ml-auto flex flex-wrap gap-2">{actions}</div>}
      </div>
      {children}
    </>
  );
}

export const MissingPage = () => (
  <Page title={t('missing.title')}>
    <p className="text-soft mb-4">{t('missing.text')}</p>
    <Link href="/" className="button">
      {t('nav.library')}
    </Link>
  </Page>
);

export const ForbiddenPage = () => (
  <Page title={t('forbidden.title')}>
    <p className="text-soft">{t('forbidden.text')}</p>
  </Page>
);

/** A page that could not be loaded or drawn does not take the others with it. */
export class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  state = { error: undefined };

  static getDerivedStateFromError = (error: unknown) => ({ error });

  render() {
    if (this.state.error === undefined) return this.props.children;
    return (
      <div className="space-y-4">
        <h1>{t('broken.title')}</h1>
        <ErrorNote error={this.state.error} />
        <button type="button" className="button" onClick={() => window.location.reload()}>
          {t('act.reload')}
        </button>
      </div>
    );
  }
}
