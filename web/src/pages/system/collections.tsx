import { useState } from 'react';
import { Link } from 'wouter';
import { api, ask } from '../../api/client';
import type { Collection } from '../../api/schema.gen';
import { Confirm } from '../../components/confirm';
import { FormDialog } from '../../components/dialog';
import { Input } from '../../components/field';
import { Icon } from '../../components/icon';
import { Empty, Listed } from '../../components/notes';
import { Page } from '../../components/page';
import { useAction } from '../../lib/action';
import { count } from '../../lib/format';
import { t } from '../../lib/i18n';
import { useCollections } from '../../lib/queries';
import { useMay } from '../../lib/session';

const DEFAULT = 'default';
const NAME = '[a-z0-9][a-z0-9_\\-]{0,63}';

/** A new collection, or changes to one. */
function CollectionDialog({ old, onClose }: { old: Collection | null; onClose: () => void }) {
  const [name, setName] = useState('');
  const [title, setTitle] = useState(old?.title ?? '');
  const [days, setDays] = useState(old?.retention_days?.toString() ?? '');
  const save = useAction(
    () => {
      const body = { title, retention_days: days ? Number(days) : null };
      return old
        ? ask(api.PATCH('/v1/collections/{collection}', { params: { path: { collection: old.name } }, body }))
        : ask(api.POST('/v1/collections', { body: { ...body, name } }));
    },
    { inline: true, refresh: [['collections']], done: onClose },
  );
  return (
    <FormDialog
      title={old ? old.name : t('collections.new')}
      onClose={onClose}
      action={save}
      submit={t('act.save')}
    >
      {!old && (
        <Input
          label={t('collections.name')}
          hint={t('collections.name_hint')}
          required
          data-focus
          autoCapitalize="none"
          pattern={NAME}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
      )}
      <Input
        label={t('collections.heading')}
        maxLength={200}
        value={title}
        onChange={(event) => setTitle(event.target.value)}
      />
      <Input
        label={t('collections.retention')}
        hint={t('collections.retention_hint')}
        type="number"
        min={1}
        max={36500}
        value={days}
        onChange={(event) => setDays(event.target.value)}
      />
    </FormDialog>
  );
}

function Row({ one, admin, onEdit }: { one: Collection; admin: boolean; onEdit: () => void }) {
  const remove = useAction(
    () =>
      ask(
        api.DELETE('/v1/collections/{collection}', {
          params: { path: { collection: one.name }, query: { force: one.media_count > 0 } },
        }),
      ),
    {
      refresh: [['collections'], ['list'], ['stats'], ['people']],
      said: () => t('collections.deleted', { name: one.name }),
    },
  );
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-3 text-sm">
      <div className="min-w-0 flex-1 basis-52">
        <p>
          <Link href={`/?collection=${one.name}`} className="link font-medium break-words">
            {one.title || one.name}
          </Link>{' '}
          {one.title && <code className="text-soft text-xs">{one.name}</code>}
        </p>
        <p className="text-soft text-xs">
          {count(one.media_count, 'count.media')}, {count(one.face_count, 'count.faces')}
          {one.retention_days !== null && `, ${t('collections.kept', { n: one.retention_days })}`}
        </p>
      </div>
      {admin && (
        <div className="flex gap-2">
          <button type="button" className="button button-small" onClick={onEdit}>
            {t('act.edit')}
          </button>
          {one.name !== DEFAULT && (
            <Confirm
              className="button button-small button-bad"
              label={t('act.delete')}
              question={t('collections.question', { name: one.name })}
              disabled={remove.isPending}
              onConfirm={() => remove.mutate()}
            >
              {one.media_count > 0
                ? t('collections.delete_full', { media: count(one.media_count, 'count.media') })
                : t('collections.delete_empty')}
            </Confirm>
          )}
        </div>
      )}
    </li>
  );
}

export function CollectionsPage() {
  const admin = useMay('admin');
  const query = useCollections();
  const [editing, setEditing] = useState<Collection | 'new' | null>(null);
  return (
    <Page
      title={t('system.nav.collections')}
      actions={
        admin && (
          <button type="button" className="button button-main" onClick={() => setEditing('new')}>
            <Icon name="add" />
            {t('collections.new')}
          </button>
        )
      }
    >
      <p className="text-soft mb-4 text-sm">{t('collections.text')}</p>
      <Listed query={query} items={query.data?.items ?? []} empty={<Empty title={t('collections.none')} />}>
        {(items) => (
          <ul className="card divide-line divide-y">
            {items.map((one) => (
              <Row key={one.name} one={one} admin={admin} onEdit={() => setEditing(one)} />
            ))}
          </ul>
        )}
      </Listed>
      {editing && (
        <CollectionDialog old={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />
      )}
    </Page>
  );
}
