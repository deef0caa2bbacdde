import { Link } from 'wouter';
import { faceUrl } from '../api/client';
import type { Hit, MatchLevel } from '../api/types';
import { levelText } from '../lib/text';

const COLOURS: Record<MatchLevel, string> = { match: 'text-good', likely: 'text-fair', weak: 'text-soft' };

export const Results = ({ hits }: { hits: Hit[] }) => (
  <ul
    aria-label="Results"
    className="grid grid-cols-2 gap-3 sm:grid-cols-[repeat(auto-fill,minmax(11rem,1fr))]"
  >
    {hits.map(({ face, media, cosine, match }) => (
      <li key={face.id} className="card hover:border-accent flex flex-col overflow-hidden">
        <Link href={`/photo/${media.id}?face=${face.id}`} className="block flex-1">
          <img
            src={faceUrl(face.id)}
            alt=""
            loading="lazy"
            className="bg-page aspect-square w-full object-cover"
          />
          <span className="block px-2.5 pt-2">
            <span className="flex items-baseline justify-between gap-2 text-sm">
              <span className={`font-medium ${COLOURS[match]}`}>{levelText(match)}</span>
              <span className="tabular-nums">{cosine.toFixed(3)}</span>
            </span>
            <span className="text-soft block truncate text-xs" title={media.filename}>
              {media.filename}
            </span>
          </span>
        </Link>
        <Link href={`/?face=${face.id}`} className="link px-2.5 pt-1 pb-2 text-xs">
          Search this face
        </Link>
      </li>
    ))}
  </ul>
);
