import { useState } from 'react';
import { Link } from 'wouter';
import { faceUrl } from '../api/client';
import type { AppearanceDetail, Face, Person } from '../api/schema.gen';
import { useAction } from '../lib/action';
import { forAll } from '../lib/actions';
import { firstOf, type Lane, laneColour, spanOf } from '../lib/appearances';
import { clocks, clockSpan, duration } from '../lib/format';
import { t } from '../lib/i18n';
import { Confirm } from './confirm';
import { FaceAbout, likeness, reasonsOf } from './face-about';
import { Icon } from './icon';
import { namesOf, PersonForm, setPerson } from './person-form';

const AT_ONCE = 60; // appearances that are listed before somebody asks for more

interface Props {
  lanes: readonly Lane[];
  people: readonly Person[];
  chosen: string | null;
  mayWrite: boolean;
  onSeek: (ms: number) => void;
  onDelete: (face: Face) => void;
}

type Shared = Omit<Props, 'lanes'>;

function Row({ item, lane, ...shared }: { item: AppearanceDetail; lane: Lane } & Shared) {
  const { face } = item;
  const { start, end } = spanOf(item);
  const span = clockSpan(start, end);
  const times = { name: lane.name, ...clocks(start, end) };
  const name = useAction((person: string | null) => setPerson(face, person), {
    refresh: namesOf(face.media_id),
  });
  const isNamed = face.person_id !== null;
  const naming = isNamed ? t('person.forget') : t('video.is', { name: lane.name });
  const small = 'icon-button size-8';
  return (
    <li
      className={`flex flex-wrap items-center gap-x-2 rounded px-1 text-xs ${face.id === shared.chosen ? 'bg-tint' : ''}`}
    >
      <button
        type="button"
        className="link min-h-8 tabular-nums"
        aria-label={t('video.show', { name: lane.name, span })}
        onClick={() => shared.onSeek(start)}
      >
        {span}
      </button>
      <span className="text-soft min-w-0 flex-1 truncate" title={reasonsOf(face.quality)}>
        {duration(end - start)}
        {face.quality.reasons.length > 0 && `, ${reasonsOf(face.quality)}`}
      </span>
      <span className="ml-auto flex">
        {shared.mayWrite && lane.person && (
          <button
            type="button"
            className={small}
            aria-label={`${naming}: ${span}`}
            title={naming}
            disabled={name.isPending}
            onClick={() => name.mutate(isNamed ? null : (lane.person?.id ?? null))}
          >
            <Icon name={isNamed ? 'close' : 'check'} className="size-4" />
          </button>
        )}
        <Link
          href={`/search?face=${face.id}`}
          className={small}
          aria-label={t('video.search_time', times)}
          title={t('face.search')}
        >
          <Icon name="search" className="size-4" />
        </Link>
        {shared.mayWrite && (
          <Confirm
            className={small}
            label={<Icon name="trash" className="size-4" />}
            name={t('video.delete', times)}
            action={t('face.delete')}
            question={t('video.delete_question', times)}
            onConfirm={() => shared.onDelete(face)}
          >
            {t('video.delete_text')}
          </Confirm>
        )}
      </span>
    </li>
  );
}

function LaneCard({ lane, items, ...shared }: { lane: Lane; items: AppearanceDetail[] } & Shared) {
  const { best, person } = lane;
  const faces = lane.items.map(({ face }) => face) as [Face, ...Face[]];
  const others = faces.filter(({ person_id }) => person_id === null);
  const nameAll = useAction((id: string) => forAll(others, (face) => setPerson(face, id)), {
    refresh: namesOf(best.media_id),
  });
  return (
    <li className="card p-2">
      <div className="flex gap-3">
        <img
          src={faceUrl(best.id)}
          alt=""
          loading="lazy"
          className="bg-page size-20 shrink-0 rounded object-cover"
        />
        <div className="min-w-0 flex-1 space-y-1 text-sm">
          <p className="flex items-baseline gap-2">
            <span
              aria-hidden
              className="size-2.5 shrink-0 rounded-full"
              style={{ background: laneColour(lane) }}
            />
            <span className="font-medium">{t('video.person', { n: lane.number + 1 })}</span>
            <span className="text-soft truncate">{likeness(best)}</span>
          </p>
          <p className="text-xs">
            <FaceAbout face={best} />
          </p>
          {shared.mayWrite && (
            <PersonForm
              faces={faces}
              question={t('video.who', { n: lane.number + 1 })}
              people={shared.people}
            />
          )}
          {!shared.mayWrite && person && <p>{person.name}</p>}
          {shared.mayWrite && person && others.length > 0 && (
            <button
              type="button"
              className="button button-small"
              disabled={nameAll.isPending}
              onClick={() => nameAll.mutate(person.id)}
            >
              {t('video.name_all', { n: others.length, name: person.name })}
            </button>
          )}
        </div>
      </div>
      <ul className="mt-1" aria-label={t('video.times', { name: lane.name })}>
        {items.map((item) => (
          <Row key={item.face.id} item={item} lane={lane} {...shared} />
        ))}
      </ul>
    </li>
  );
}

/** Who is on screen when, as text. */
export function VideoPeople({ lanes, ...shared }: Props) {
  const [limit, setLimit] = useState(AT_ONCE);
  return (
    <>
      <ul className="space-y-2">
        {firstOf(lanes, limit).map(({ lane, items }) => (
          <LaneCard key={lane.number} lane={lane} items={items} {...shared} />
        ))}
      </ul>
      {lanes.reduce((sum, { items }) => sum + items.length, 0) > limit && (
        <button type="button" className="button mx-auto mt-4 flex" onClick={() => setLimit(limit + AT_ONCE)}>
          {t('act.more')}
        </button>
      )}
    </>
  );
}
