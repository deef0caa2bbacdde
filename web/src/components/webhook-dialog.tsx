import { useState } from 'react';
import { api, ask, byId } from '../api/client';
import type { NewWebhook, Webhook, WebhookFields } from '../api/schema.gen';
import { useAction } from '../lib/action';
import { FormError } from '../lib/error-text';
import { t } from '../lib/i18n';
import { readWatched, writeWatched } from '../lib/watched';
import { CollectionChoice } from './collection-choice';
import { FormDialog } from './dialog';
import { Check, Input } from './field';

type Event = NonNullable<WebhookFields['events']>[number];
export const EVENTS: readonly Event[] = ['media.completed', 'media.failed', 'face.matched'];

interface Props {
  old: Webhook | null;
  onMade: (made: NewWebhook) => void;
  onClose: () => void;
}

/** A new webhook, or changes to one. */
export function WebhookDialog({ old, onMade, onClose }: Props) {
  const [url, setUrl] = useState(old?.url ?? '');
  const [events, setEvents] = useState<readonly string[]>(old?.events ?? ['media.completed']);
  const [collections, setCollections] = useState<string[] | null>(old?.collections ?? null);
  const [watched, setWatched] = useState(writeWatched(old?.watched_faces ?? []));
  const [active, setActive] = useState(old?.active ?? true);
  const save = useAction(
    async () => {
      const wanted = EVENTS.filter((one) => events.includes(one));
      const matches = wanted.includes('face.matched');
      // What is not shown stays as it was.
      const watched_faces = matches ? readWatched(watched) : (old?.watched_faces ?? []);
      if (matches && watched_faces.length === 0) throw new FormError(t('hooks.no_face'));
      const body = { url: url.trim(), events: wanted, collections, watched_faces, active };
      if (!old) onMade(await ask(api.POST('/v1/webhooks', { body })));
      else await ask(api.PATCH('/v1/webhooks/{id}', { ...byId(old.id), body }));
    },
    { inline: true, refresh: [['webhooks']], said: () => t('saved.done'), done: onClose },
  );
  return (
    <FormDialog
      title={old ? t('hooks.edit') : t('hooks.new')}
      wide
      onClose={onClose}
      action={save}
      submit={t('act.save')}
      disabled={events.length === 0}
    >
      <Input
        label={t('hooks.url')}
        type="url"
        required
        data-focus
        maxLength={2000}
        placeholder="https://"
        value={url}
        onChange={(event) => setUrl(event.target.value)}
      />
      <fieldset className="space-y-1">
        <legend className="mb-1 text-sm font-medium">{t('hooks.events')}</legend>
        {EVENTS.map((one) => (
          <Check
            key={one}
            label={
              <span>
                {t(`hooks.event.${one}`)} <code className="text-soft text-xs">{one}</code>
              </span>
            }
            checked={events.includes(one)}
            onChange={(event) =>
              setEvents(event.target.checked ? [...events, one] : events.filter((other) => other !== one))
            }
          />
        ))}
      </fieldset>
      {events.includes('face.matched') && (
        <div className="flex flex-col gap-1">
          <label htmlFor="watched" className="text-sm font-medium">
            {t('hooks.watched')}
          </label>
          <textarea
            id="watched"
            className="field h-24 w-full py-2 font-mono"
            spellCheck={false}
            value={watched}
            onChange={(event) => setWatched(event.target.value)}
          />
          <p className="text-soft text-xs">{t('hooks.watched_hint')}</p>
        </div>
      )}
      <CollectionChoice chosen={collections} onChange={setCollections} />
      <Check
        label={t('hooks.active')}
        checked={active}
        onChange={(event) => setActive(event.target.checked)}
      />
    </FormDialog>
  );
}
