import type { ReactNode } from 'react';
import type { MediaStatus } from '../api/schema.gen';
import { errorText } from '../lib/error-text';
import { ago, date, dateTime } from '../lib/format';
import { t } from '../lib/i18n';
import { Icon, type IconName } from './icon';

export function ErrorNote({ error, retry }: { error: unknown; retry?: () => void }) {
  const { title, detail, request, final } = errorText(error);
  return (
    <div role="alert" className="card border-bad p-4 text-sm">
      <p className="text-bad flex items-center gap-2 font-medium">
        <Icon name="alert" />
        <span className="min-w-0 break-words">{title}</span>
      </p>
      {detail && <p className="mt-1 break-words">{detail}</p>}
      {request && <p className="text-soft mt-1 text-xs break-all">{request}</p>}
      {retry && !final && (
        <button type="button" className="button mt-3" onClick={retry}>
          {t('act.retry')}
        </button>
      )}
    </div>
  );
}

interface EmptyProps {
  title: string;
  icon?: IconName;
  children?: ReactNode;
  actions?: ReactNode;
}

export const Empty = ({ title, icon = 'picture', children, actions }: EmptyProps) => (
  <div className="card border-dashed px-4 py-12 text-center">
    <Icon name={icon} className="text-accent mx-auto mb-3 size-10" />
    <h2>{title}</h2>
    {children && <div className="text-soft mx-auto mt-2 max-w-prose space-y-2 text-sm">{children}</div>}
    {actions && <div className="mt-5 flex flex-wrap justify-center gap-2">{actions}</div>}
  </div>
);

const COLOURS: Record<MediaStatus, string> = {
  pending: 'text-soft',
  processing: 'text-fair',
  completed: 'text-good',
  failed: 'text-bad',
};

export const Status = ({ status }: { status: MediaStatus }) => (
  <span className={COLOURS[status]}>{t(`status.${status}`)}</span>
);

/** Keeps the place of what is to come. */
export const Loading = ({ rows = 3 }: { rows?: number }) => (
  <div role="status" className="loading space-y-3" aria-label={t('state.loading')}>
    {Array.from({ length: rows }, (_, i) => (
      <div key={i} className="skeleton h-16" />
    ))}
  </div>
);

export const When = ({ at, none = '—' }: { at: string | null; none?: string }) =>
  at ? (
    <time dateTime={at} title={dateTime(at)} className="whitespace-nowrap">
      {ago(at) ?? date(at)}
    </time>
  ) : (
    none
  );

/** A list, or what is there in its place: loading, an error, nothing. */
export function Listed<Item>({
  query: { data, error, refetch },
  items,
  empty,
  children,
}: {
  query: { data: unknown; error: unknown; refetch: () => unknown };
  items: readonly Item[];
  empty: ReactNode;
  children: (items: readonly Item[]) => ReactNode;
}) {
  if (error && !data) return <ErrorNote error={error} retry={() => void refetch()} />;
  if (!data) return <Loading />;
  return (
    <>
      {error ? <ErrorNote error={error} retry={() => void refetch()} /> : null}
      {items.length === 0 ? empty : children(items)}
    </>
  );
}
