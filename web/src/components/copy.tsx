import { useState } from 'react';
import { t } from '../lib/i18n';
import { Icon } from './icon';

const SAID_MS = 2500;

/** Away from https and this machine, browsers give no clipboard; a selection can be copied everywhere. */
async function copy(text: string) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

export function CopyButton({ text, label = t('act.copy') }: { text: () => string; label?: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <button
      type="button"
      className="button"
      onClick={() => {
        void copy(text()).then(() => {
          setCopied(true);
          setTimeout(() => setCopied(false), SAID_MS);
        });
      }}
    >
      <Icon name={copied ? 'check' : 'copy'} className="size-4" />
      <span aria-live="polite">{copied ? t('act.copied') : label}</span>
    </button>
  );
}

/** A secret at the only time it is told. */
export const Secret = ({ title, text, secret }: { title: string; text: string; secret: string }) => (
  <div className="card border-accent bg-tint space-y-2 p-4" role="status">
    <p className="font-medium">{title}</p>
    <p className="text-sm">{text}</p>
    <div className="flex flex-wrap items-center gap-2">
      <code className="card min-w-0 flex-1 px-3 py-2 text-sm break-all">{secret}</code>
      <CopyButton text={() => secret} />
    </div>
  </div>
);
