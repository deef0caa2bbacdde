import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { api, ask } from '../../api/client';
import type { Erasure } from '../../api/schema.gen';
import { Input, Select } from '../../components/field';
import { Empty, ErrorNote, Listed, When } from '../../components/notes';
import { Page } from '../../components/page';
import { useAction } from '../../lib/action';
import { type Given, type Kind, KINDS, requestOf } from '../../lib/erasing';
import { count } from '../../lib/format';
import { t } from '../../lib/i18n';
import { useCollections, usePeople } from '../../lib/queries';
import { isUnfinished, Removed } from './receipt';

/** What is to go: chosen from a list, or named by ids. */
function Target({ given, onChange }: { given: Given; onChange: (given: Given) => void }) {
  const people = usePeople();
  const collections = useCollections();
  const set = (value: string) => onChange({ ...given, value });
  const list = given.kind === 'collection' ? collections : people;
  const pick = [['', t(list.data ? 'erase.choose' : 'state.loading')]] as const;
  const chosen = given.kind === 'person' || given.kind === 'collection'; // from a list
  if (chosen && list.error && !list.data) {
    return <ErrorNote error={list.error} retry={() => void list.refetch()} />;
  }
  switch (given.kind) {
    case 'person':
      return (
        <Select
          label={t('filter.person')}
          required
          value={given.value}
          onChange={(event) => set(event.target.value)}
          options={[
            ...pick,
            ...(people.data?.items ?? []).map(
              ({ id, name, face_count }) => [id, `${name} (${count(face_count, 'count.faces')})`] as const,
            ),
          ]}
        />
      );
    case 'collection':
      return (
        <Select
          label={t('filter.collection')}
          required
          value={given.value}
          onChange={(event) => set(event.target.value)}
          options={[
            ...pick,
            ...(collections.data?.items ?? []).map(
              ({ name, title, media_count }) =>
                [name, `${title || name} (${count(media_count, 'count.media')})`] as const,
            ),
          ]}
        />
      );
    default:
      return (
        <div className="flex flex-col gap-1">
          <label htmlFor="erase-ids" className="text-sm font-medium">
            {t(`erase.ids.${given.kind}`)}
          </label>
          <textarea
            id="erase-ids"
            className="field h-24 w-full py-2 font-mono"
            required
            spellCheck={false}
            value={given.value}
            onChange={(event) => set(event.target.value)}
          />
          <p className="text-soft text-xs">{t('erase.ids_hint')}</p>
        </div>
      );
  }
}

function Form() {
  const [, go] = useLocation();
  const [given, setGiven] = useState<Given>({ kind: 'person', value: '' });
  const [reason, setReason] = useState('');
  const [typed, setTyped] = useState('');
  const [plan, setPlan] = useState<Erasure | null>(null);
  const word = t('erase.word');
  const erase = useAction(
    (dry_run: boolean) =>
      ask(
        api.POST('/v1/erasures', {
          body: { ...requestOf(given), reason: reason.trim() || undefined, dry_run },
        }),
      ),
    {
      inline: true,
      refresh: [['list'], ['people'], ['collections'], ['stats'], ['erasures'], ['search']],
      done: (made) => {
        if (made.id) go(`/system/erasure/${made.id}`);
        else setPlan(made);
      },
    },
  );
  const restart = (next: Given) => {
    setGiven(next);
    setPlan(null);
    setTyped('');
  };
  return (
    <form
      className="card max-w-2xl space-y-4 p-5"
      onSubmit={(event) => {
        event.preventDefault();
        if (!plan) erase.mutate(true);
        else if (typed === word) erase.mutate(false);
      }}
    >
      <fieldset className="flex flex-wrap gap-x-5 gap-y-1">
        <legend className="mb-1 text-sm font-medium">{t('erase.what')}</legend>
        {KINDS.map((kind: Kind) => (
          <label key={kind} className="flex min-h-7 items-center gap-2 text-sm">
            <input
              type="radio"
              name="erase-kind"
              className="accent-accent"
              checked={given.kind === kind}
              onChange={() => restart({ kind, value: '' })}
            />
            {t(`erase.kind.${kind}`)}
          </label>
        ))}
      </fieldset>
      <Target given={given} onChange={restart} />
      <Input
        label={t('erase.reason')}
        hint={t('erase.reason_hint')}
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.target.value)}
      />
      {erase.error && <ErrorNote error={erase.error} />}
      {!plan && (
        <button
          type="submit"
          className="button button-main"
          disabled={erase.isPending || !given.value.trim()}
        >
          {erase.isPending ? t('state.working') : t('erase.dry_run')}
        </button>
      )}
      {plan && (
        <div className="border-bad space-y-4 rounded-lg border p-4">
          <div role="status" className="space-y-2">
            <h2>{t('erase.would')}</h2>
            <Removed removed={plan.removed} />
          </div>
          <Input
            label={t('erase.type', { word })}
            autoComplete="off"
            autoFocus
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
          <div className="flex flex-wrap gap-2">
            <button type="button" className="button" onClick={() => restart(given)}>
              {t('act.keep')}
            </button>
            <button
              type="submit"
              className="button button-danger"
              disabled={erase.isPending || typed !== word}
            >
              {erase.isPending ? t('state.working') : t('erase.action')}
            </button>
          </div>
        </div>
      )}
    </form>
  );
}

function Receipts() {
  const query = useQuery({
    queryKey: ['erasures'],
    queryFn: ({ signal }) => ask(api.GET('/v1/erasures', { signal })),
  });
  return (
    <section className="mt-8" aria-labelledby="receipts">
      <h2 id="receipts" className="mb-2">
        {t('erase.receipts')}
      </h2>
      <Listed
        query={query}
        items={query.data?.items ?? []}
        empty={<Empty title={t('erase.none')} icon="check" />}
      >
        {(items) => (
          <ul className="card divide-line divide-y">
            {items.map((one) => (
              <li key={one.id} className="flex flex-wrap items-baseline gap-x-4 gap-y-1 px-4 py-3 text-sm">
                <Link href={`/system/erasure/${one.id}`} className="link">
                  <When at={one.created_at} />
                </Link>
                <span>
                  {count(one.media.length, 'count.media')}
                  {one.faces.length > 0 && `, ${count(one.faces.length, 'count.faces')}`}
                </span>
                {isUnfinished(one) && <span className="text-bad">{t('receipt.unfinished')}</span>}
                <span className="text-soft">{one.by}</span>
                {one.reason && <span className="text-soft min-w-0 break-words">{one.reason}</span>}
              </li>
            ))}
          </ul>
        )}
      </Listed>
    </section>
  );
}

export const ErasurePage = () => (
  <Page title={t('system.nav.erasure')}>
    <p className="text-soft mb-4 max-w-prose text-sm">{t('erase.text')}</p>
    <Form />
    <Receipts />
  </Page>
);
