import { t } from '../lib/i18n';
import { dismiss, useNotices } from '../lib/notices';
import { Icon } from './icon';

/** What just happened, for eyes and screen readers alike. */
export function Notices() {
  const notices = useNotices();
  return (
    <div
      role="status"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-3 bottom-3 z-50 flex flex-col items-start gap-2 sm:right-auto sm:max-w-md"
    >
      {notices.map(({ key, kind, text, detail }) => (
        <div
          key={key}
          className={`card pointer-events-auto flex w-full items-start gap-2 p-3 text-sm shadow-lg ${kind === 'bad' ? 'border-bad' : ''}`}
        >
          <Icon
            name={kind === 'bad' ? 'alert' : 'check'}
            className={`size-5 ${kind === 'bad' ? 'text-bad' : 'text-good'}`}
          />
          <div className="min-w-0 flex-1">
            <p className="font-medium break-words">{text}</p>
            {detail && <p className="text-soft text-xs break-words">{detail}</p>}
          </div>
          <button
            type="button"
            className="icon-button -m-2"
            aria-label={t('act.dismiss')}
            onClick={() => dismiss(key)}
          >
            <Icon name="close" className="size-4" />
          </button>
        </div>
      ))}
    </div>
  );
}
