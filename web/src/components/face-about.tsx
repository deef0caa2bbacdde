import type { Face, Quality } from '../api/schema.gen';
import { percent } from '../lib/format';
import { named, t } from '../lib/i18n';

export const reasonsOf = (quality: Quality) =>
  quality.reasons.map((reason) => named('reason', reason)).join(', ');

export const likeness = ({ gender, age }: Pick<Face, 'gender' | 'age'>) =>
  [gender && t(`gender.${gender}`), age !== null && t('face.age', { age: Math.round(age) })]
    .filter(Boolean)
    .join(', ');

/** What the detector and the quality rules say of a face. */
export const FaceAbout = ({ face }: { face: Pick<Face, 'score' | 'quality'> }) => (
  <>
    <span className="text-soft block">
      {t('face.score', { percent: percent(face.score) })},{' '}
      {t('face.quality', { percent: percent(face.quality.score) })}
    </span>
    {face.quality.reasons.length > 0 && <span className="text-fair block">{reasonsOf(face.quality)}</span>}
  </>
);

/** Of a face that is pointed at. */
export const FaceNote = ({ face, name }: { face: Face; name: string }) => (
  <>
    <span className="block font-medium">{name}</span>
    <span className="block">{likeness(face)}</span>
    <FaceAbout face={face} />
    <span className="text-accent mt-1 block">{t('face.search')}</span>
  </>
);
