import { useQueryClient } from '@tanstack/react-query';
import { api, ask, byId } from '../api/client';
import { useAction } from './action';
import { t } from './i18n';
import { useMay } from './session';

const AT_ONCE = 4;

/** Runs `work` for all of them, a few at a time; throws the first error at the end. */
export async function forAll<Item>(items: readonly Item[], work: (item: Item) => Promise<unknown>) {
  const left = [...items];
  const errors: unknown[] = [];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) {
      await work(item).catch((error: unknown) => errors.push(error));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (errors.length > 0) throw errors[0];
}

/** Deletes media: for an administrator as an erasure, which leaves a receipt. */
export function useDeleteMedia(done: () => void) {
  const client = useQueryClient();
  const admin = useMay('admin');
  return useAction(
    async (ids: readonly string[]) => {
      try {
        if (admin) {
          await ask(api.POST('/v1/erasures', { body: { media_ids: [...ids] } }));
        } else {
          await forAll(ids, (id) => ask(api.DELETE('/v1/media/{id}', byId(id))));
        }
      } finally {
        client.removeQueries({ queryKey: ['search'] }); // answers that may name what is gone
        for (const name of ['list', 'stats', 'collections', 'people']) {
          void client.invalidateQueries({ queryKey: [name] });
        }
      }
    },
    { done, said: (_, ids) => t('delete.done', { n: ids.length }) },
  );
}
