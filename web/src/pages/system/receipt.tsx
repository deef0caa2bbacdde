import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { api, ask, byId } from '../../api/client';
import type { Erasure } from '../../api/schema.gen';
import { ErrorNote, Loading } from '../../components/notes';
import { Page } from '../../components/page';
import { dateTime, number } from '../../lib/format';
import { known, named, t } from '../../lib/i18n';

/** How many of each kind. */
export function Removed({ removed }: { removed: Erasure['removed'] }) {
  const some = Object.entries(removed).filter(([, n]) => n > 0);
  if (some.length === 0) return <p className="text-sm">{t('receipt.nothing')}</p>;
  return (
    <dl className="grid max-w-sm grid-cols-[1fr_auto] gap-x-6 gap-y-1 text-sm">
      {some.map(([what, n]) => (
        <div key={what} className="contents">
          <dt className="text-soft">{named('removed', what)}</dt>
          <dd className="text-right tabular-nums">{number(n)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Checks({ checks }: { checks: Erasure['checks'] }) {
  const state = (passed: boolean | null) =>
    passed === null
      ? ({ text: t('receipt.open'), colour: 'text-soft' } as const)
      : passed
        ? ({ text: t('receipt.passed'), colour: 'text-good' } as const)
        : ({ text: t('receipt.failed'), colour: 'text-bad' } as const);
  return (
    <section aria-labelledby="checks">
      <h2 id="checks" className="mb-2">
        {t('receipt.checks')}
      </h2>
      <ul className="space-y-2 text-sm">
        {checks.map(({ what, how, passed }) => (
          <li key={what}>
            <span className={`font-medium ${state(passed).colour}`}>{state(passed).text}</span>{' '}
            {known('receipt.check', what)}
            <span className="text-soft block text-xs break-words">
              {known('receipt.how', what, how, { n: Number.parseInt(how, 10) })}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

const Ids = ({ title, ids }: { title: string; ids: readonly string[] }) =>
  ids.length > 0 && (
    <section>
      <h2 className="mb-1">{title}</h2>
      <ul className="text-xs">
        {ids.map((id) => (
          <li key={id}>
            <code className="break-all">{id}</code>
          </li>
        ))}
      </ul>
    </section>
  );

const UNFINISHED_MS = 60_000; // the server tries again as often

/** Whether something of it could not be done at once; servers that do not tell were done at once. */
export const isUnfinished = (erasure: Erasure) => erasure.complete === false;

/** What was erased, to be printed and filed; it names ids and hashes only. */
export function ReceiptPage({ id }: { id: string }) {
  const { data, error, refetch } = useQuery({
    queryKey: ['erasure', id],
    queryFn: ({ signal }) => ask(api.GET('/v1/erasures/{id}', { ...byId(id), signal })),
    refetchInterval: ({ state }) => state.data && isUnfinished(state.data) && UNFINISHED_MS,
  });
  return (
    <Page
      title={t('receipt.title')}
      actions={
        <span className="flex gap-2 print:hidden">
          <Link href="/system/erasure" className="button">
            {t('system.nav.erasure')}
          </Link>
          <button type="button" className="button button-main" onClick={() => window.print()}>
            {t('receipt.print')}
          </button>
        </span>
      }
    >
      {error && <ErrorNote error={error} retry={() => void refetch()} />}
      {!data && !error && <Loading />}
      {data && (
        <div className="card space-y-5 p-5">
          {isUnfinished(data) && (
            <p role="status" className="text-bad font-medium">
              {t('receipt.incomplete')}
            </p>
          )}
          <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1 text-sm">
            <dt className="text-soft">{t('receipt.number')}</dt>
            <dd>
              <code className="break-all">{data.id}</code>
            </dd>
            <dt className="text-soft">{t('receipt.when')}</dt>
            <dd>{dateTime(data.created_at)}</dd>
            <dt className="text-soft">{t('receipt.by')}</dt>
            <dd className="break-words">{data.by}</dd>
            {data.reason && (
              <>
                <dt className="text-soft">{t('erase.reason')}</dt>
                <dd className="break-words">{data.reason}</dd>
              </>
            )}
          </dl>
          <section aria-labelledby="removed">
            <h2 id="removed" className="mb-2">
              {t('receipt.removed')}
            </h2>
            <Removed removed={data.removed} />
          </section>
          <Checks checks={data.checks} />
          <Ids title={t('library.media')} ids={data.media.map((one) => `${one.id}  SHA-256 ${one.sha256}`)} />
          <Ids title={t('media.faces')} ids={data.faces} />
          <Ids title={t('receipt.people')} ids={data.people} />
          <Ids title={t('system.nav.collections')} ids={data.collections} />
        </div>
      )}
    </Page>
  );
}
