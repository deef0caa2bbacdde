import { useState } from 'react';
import { Link } from 'wouter';
import { api, ask } from '../api/client';
import { useAction } from '../lib/action';
import { reasonOf } from '../lib/error-text';
import { t } from '../lib/i18n';
import { Dialog, DialogActions } from './dialog';
import { ErrorNote } from './notes';

/** Addresses whose files the server fetches. */
export function UrlDialog({ collection, onClose }: { collection: string; onClose: () => void }) {
  const [text, setText] = useState('');
  const urls = text.split(/\s+/).filter(Boolean); // too many are refused by the server, which says so
  const fetchThem = useAction(
    () => ask(api.POST('/v1/media/fetch', { body: { urls, ...(collection && { collection }) } })),
    { inline: true, refresh: [['list'], ['stats']] },
  );
  const result = fetchThem.data;
  return (
    <Dialog title={t('url.title')} wide onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (urls.length > 0) fetchThem.mutate();
        }}
      >
        <label htmlFor="urls" className="text-sm font-medium">
          {t('url.label')}
        </label>
        <textarea
          id="urls"
          className="field mt-1 h-32 w-full py-2 font-mono"
          required
          data-focus
          spellCheck={false}
          placeholder="https://"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        {fetchThem.error && <ErrorNote error={fetchThem.error} />}
        {result && (
          <div role="status">
            <ul className="mt-3 space-y-1 text-sm">
              {result.accepted.map(({ index, filename, media, duplicate }) => (
                <li key={index} className="break-words">
                  <Link href={`/media/${media.id}`} className="link">
                    {filename}
                  </Link>{' '}
                  <span className="text-good">{duplicate ? t('upload.duplicate') : t('url.accepted')}</span>
                </li>
              ))}
              {result.rejected.map(({ index, filename, error }) => (
                <li key={index} className="break-words">
                  {filename} <span className="text-bad">{reasonOf(error)}</span>
                </li>
              ))}
            </ul>
          </div>
        )}
        <DialogActions>
          <button type="button" className="button" onClick={onClose}>
            {t('act.close')}
          </button>
          <button type="submit" className="button button-main" disabled={fetchThem.isPending}>
            {fetchThem.isPending ? t('state.working') : t('url.add')}
          </button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
