import { clock, percent } from '../lib/format';
import { t } from '../lib/i18n';
import { useProgress } from '../lib/progress';

/** How far the analysis of a video is; nothing when that is not known. */
export function AnalysisProgress({ id, name }: { id: string; name?: string }) {
  const progress = useProgress(id);
  if (!progress) return null;
  const { done_ms: done, duration_ms: all } = progress;
  const words = t('video.progress', {
    percent: percent(Math.min(1, done / all)),
    done: clock(done),
    all: clock(all),
  });
  return (
    <span className="block text-xs tabular-nums">
      <span className="text-fair block truncate">{words}</span>
      <progress
        className="bar mt-0.5 h-1"
        value={Math.min(done, all)}
        max={all}
        aria-label={name ? t('video.progress_of', { name }) : t('upload.processing')}
        aria-valuetext={words}
      />
    </span>
  );
}
