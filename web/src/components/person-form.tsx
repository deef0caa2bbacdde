import { useId, useState } from 'react';
import { Link } from 'wouter';
import { api, ask, byId } from '../api/client';
import type { Face, Person } from '../api/schema.gen';
import { useAction } from '../lib/action';
import { forAll } from '../lib/actions';
import { t } from '../lib/i18n';
import { Icon } from './icon';

interface Props {
  /** Of one person; all get the name. */
  faces: readonly [Face, ...Face[]];
  question: string;
  people: readonly Person[];
}

/** The person with this name in the collection of the face, made if there is none yet. */
async function personOf(name: string, face: Face, people: readonly Person[]): Promise<string> {
  const same = people.find(
    (one) => one.collection === face.collection && one.name.toLowerCase() === name.toLowerCase(),
  );
  if (same) return same.id;
  return (await ask(api.POST('/v1/people', { body: { name, collection: face.collection } }))).id;
}

export const setPerson = (face: Face, person_id: string | null) =>
  ask(api.PATCH('/v1/faces/{id}', { ...byId(face.id), body: { person_id } }));

/** What shows whose face it is. */
export const namesOf = (mediaId: string) => [
  ['faces', mediaId],
  ['appearances', mediaId],
  ['people'],
  ['face'],
];

/** Whose face it is, and how to say so. */
export function PersonForm({ faces, question, people }: Props) {
  const [face] = faces;
  const person = people.find(({ id }) => faces.some(({ person_id }) => person_id === id));
  const [typed, setTyped] = useState<string | null>(null);
  const id = useId();
  const save = useAction(
    async (name: string | null) => {
      const person_id = name === null ? null : await personOf(name, face, people);
      await forAll(faces, (one) => setPerson(one, person_id));
    },
    { refresh: namesOf(face.media_id), done: () => setTyped(null) },
  );
  if (person && typed === null) {
    return (
      <p className="flex items-center gap-1 text-sm">
        <Link
          href={`/?person_id=${person.id}`}
          className="link min-w-0 truncate font-medium"
          title={t('person.media', { name: person.name })}
        >
          {person.name}
        </Link>
        <button
          type="button"
          className="icon-button -my-2 size-8"
          aria-label={`${t('person.forget')}: ${person.name}`}
          title={t('person.forget')}
          disabled={save.isPending}
          onClick={() => save.mutate(null)}
        >
          <Icon name="close" className="size-4" />
        </button>
      </p>
    );
  }
  return (
    <form
      className="flex gap-1"
      onSubmit={(event) => {
        event.preventDefault();
        const name = typed?.trim();
        if (name) save.mutate(name);
      }}
    >
      <input
        className="field min-h-8 w-full min-w-0 px-2"
        aria-label={question}
        placeholder={question}
        list={id}
        maxLength={200}
        value={typed ?? ''}
        onChange={(event) => setTyped(event.target.value)}
      />
      <datalist id={id}>
        {people
          .filter(({ collection }) => collection === face.collection)
          .map((one) => (
            <option key={one.id} value={one.name} />
          ))}
      </datalist>
      {typed?.trim() && (
        <button type="submit" className="button button-small" disabled={save.isPending}>
          {t('person.set')}
        </button>
      )}
    </form>
  );
}
