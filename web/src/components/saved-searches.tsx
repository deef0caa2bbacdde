import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { api, ask, byId } from '../api/client';
import { useAction } from '../lib/action';
import { t } from '../lib/i18n';
import { useSavedSearches } from '../lib/queries';
import { search, type SearchFilter, type Source } from '../lib/searching';
import { useMay } from '../lib/session';
import { Confirm } from './confirm';
import { FormDialog } from './dialog';
import { Input } from './field';
import { Icon } from './icon';
import { ErrorNote, When } from './notes';

/** The searches that were kept; nothing where there are none. */
export function SavedSearches() {
  const { data, error, refetch } = useSavedSearches();
  const mayWrite = useMay('write');
  const remove = useAction((id: string) => ask(api.DELETE('/v1/searches/{id}', byId(id))), {
    refresh: [['searches']],
    said: () => t('saved.deleted'),
  });
  if (!error && !data?.items.length) return null;
  return (
    <section className="mt-6" aria-labelledby="saved-searches">
      <h2 id="saved-searches" className="mb-2">
        {t('saved.title')}
      </h2>
      {error && <ErrorNote error={error} retry={() => void refetch()} />}
      <ul className="grid grid-cols-[minmax(0,1fr)] gap-2 sm:grid-cols-2 lg:grid-cols-3">
        {data?.items.map(({ id, name, created_at }) => (
          <li key={id} className="card flex items-center gap-2 p-1 pl-3 text-sm">
            <Link href={`/search/saved/${id}`} className="link min-w-0 truncate font-medium">
              {name}
            </Link>
            <span className="text-soft ml-auto shrink-0 text-xs">
              <When at={created_at} />
            </span>
            {mayWrite && (
              <Confirm
                className="icon-button"
                label={<Icon name="trash" className="size-4" />}
                name={t('saved.delete', { name })}
                action={t('act.delete')}
                question={`${t('saved.delete', { name })}?`}
                onConfirm={() => remove.mutate(id)}
              >
                {t('saved.delete_text')}
              </Confirm>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

interface SaveProps {
  source: Source;
  filter: SearchFilter;
  threshold: number;
  onClose: () => void;
}

export function SaveDialog({ source, filter, threshold, onClose }: SaveProps) {
  const [, go] = useLocation();
  const [name, setName] = useState('');
  const save = useAction(() => search(source, filter, threshold, name.trim()), {
    inline: true,
    refresh: [['searches']],
    said: () => t('saved.done'),
    done: ({ saved }) => {
      onClose();
      if (saved) go(`/search/saved/${saved.id}`);
    },
  });
  return (
    <FormDialog
      title={t('saved.save')}
      onClose={onClose}
      action={save}
      submit={t('act.save')}
      disabled={name.trim() === ''}
    >
      <Input
        label={t('saved.name')}
        hint={t('saved.hint')}
        required
        data-focus
        maxLength={200}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
    </FormDialog>
  );
}
