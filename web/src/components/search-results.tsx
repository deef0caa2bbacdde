import { Link } from 'wouter';
import { faceUrl, thumbnailUrl } from '../api/client';
import type { MatchLevel } from '../api/schema.gen';
import { faceAddress, isMoving } from '../lib/appearances';
import { clockSpan, cosine, date } from '../lib/format';
import { t } from '../lib/i18n';
import type { Group, Hit } from '../lib/searching';
import { Icon } from './icon';
import { LEVEL_COLOURS } from './threshold';

const CONTEXT = 0.8; // of the crop: the face with its surroundings
const LEVELS: MatchLevel[] = ['match', 'likely', 'weak'];

const inMedia = (hit: Hit, play = false) => faceAddress(hit.media.id, hit.face, play);

/** When the face is on screen: a way to that moment, which plays a video from there. */
function Moment({ hit }: { hit: Hit }) {
  const { appearance } = hit.face;
  if (!appearance) return null;
  const { start_ms: start, end_ms: end } = appearance;
  const span = clockSpan(start, end);
  if (hit.media.media_type !== 'video') return <p className="text-xs tabular-nums">{span}</p>;
  return (
    <Link
      href={inMedia(hit, true)}
      className="link inline-flex min-h-6 items-center gap-0.5 self-start text-xs tabular-nums"
      aria-label={t('search.play', { name: hit.media.filename, span })}
    >
      <Icon name="play" className="size-3.5" />
      {span}
    </Link>
  );
}

/** Of another face of the same file: how alike, and when. */
function wordsOf({ match, cosine: value, face: { appearance } }: Hit): string {
  const words = `${t(`level.${match}`)} ${cosine(value)}`;
  return appearance ? `${words}, ${clockSpan(appearance.start_ms, appearance.end_ms)}` : words;
}

function Card({ group: { media, hits } }: { group: Group }) {
  const [best, ...others] = hits;
  const similar = hits.reduce((sum, hit) => sum + (hit.duplicates ?? 0), 0);
  return (
    <li className="card hover:border-accent flex flex-col overflow-hidden">
      <Link href={inMedia(best)} aria-label={t('search.open', { name: media.filename })}>
        <span className="bg-page relative block aspect-square">
          <img
            src={faceUrl(best.face.id, CONTEXT)}
            alt=""
            loading="lazy"
            className="size-full object-cover"
          />
          <img
            src={thumbnailUrl(media.id, 320)}
            alt=""
            loading="lazy"
            className="border-card bg-card absolute right-1.5 bottom-1.5 max-h-16 max-w-20 rounded border-2 object-contain shadow"
          />
        </span>
      </Link>
      <div className="flex flex-1 flex-col p-2.5">
        <p className="flex items-baseline justify-between gap-2 text-sm">
          <span className="truncate" title={media.filename}>
            {media.filename}
          </span>
          <span className={`font-medium tabular-nums ${LEVEL_COLOURS[best.match]}`}>
            {cosine(best.cosine)}
          </span>
        </p>
        <p className="text-soft text-xs">{date(media.taken_at ?? media.created_at)}</p>
        <Moment hit={best} />
        {similar > 0 && <p className="text-soft text-xs">+ {t('search.similar', { n: similar })}</p>}
        {others.length > 0 && (
          <ul
            className="mt-1.5 flex flex-wrap gap-1"
            aria-label={t(isMoving(media) ? 'search.other_times' : 'search.other_faces')}
          >
            {others.map((hit) => (
              <li key={hit.face.id} className="flex items-center gap-1.5">
                <Link href={inMedia(hit)} title={wordsOf(hit)} className="block">
                  <img
                    src={faceUrl(hit.face.id)}
                    alt={wordsOf(hit)}
                    loading="lazy"
                    className="bg-page size-9 rounded object-cover"
                  />
                </Link>
                <Moment hit={hit} />
              </li>
            ))}
          </ul>
        )}
        <Link href={`/search?face=${best.face.id}`} className="link mt-auto pt-1.5 text-xs">
          {t('face.search')}
        </Link>
      </div>
    </li>
  );
}

/** Pictures under the words for how alike their best face is. */
export const SearchResults = ({ groups }: { groups: Group[] }) =>
  LEVELS.map((level) => {
    const some = groups.filter(({ hits: [best] }) => best.match === level);
    if (some.length === 0) return null;
    return (
      <section key={level} className="mb-6" aria-labelledby={`level-${level}`}>
        <h2 id={`level-${level}`} className="mb-2 flex items-baseline gap-2">
          {t(`level.${level}`)}
          <span className="text-soft text-sm font-normal tabular-nums">
            {t('count.media', { n: some.length })}
          </span>
        </h2>
        <ul
          aria-label={`${t('search.results')}: ${t(`level.${level}`)}`}
          className="grid grid-cols-2 gap-3 sm:grid-cols-[repeat(auto-fill,minmax(11rem,1fr))]"
        >
          {some.map((group) => (
            <Card key={group.media.id} group={group} />
          ))}
        </ul>
      </section>
    );
  });
