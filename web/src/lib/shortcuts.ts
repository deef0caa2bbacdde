import { useEffect } from 'react';
import { useLocation } from 'wouter';

/** After "g": where to. */
export const PLACES = { l: '/', s: '/search', t: '/tasks', y: '/system' } as const;

const CHORD_MS = 1500;

/** Keys mean text where text is written, and a dialog that is open has the keyboard for itself. */
const isTaken = (event: KeyboardEvent) =>
  event.defaultPrevented ||
  event.ctrlKey ||
  event.metaKey ||
  event.altKey ||
  (event.target instanceof Element &&
    event.target.closest('input:not([type=checkbox]), textarea, select, [contenteditable]') !== null) ||
  document.querySelector('dialog[open]') !== null;

export function useShortcuts(onHelp: () => void, onUpload: () => void) {
  const [, go] = useLocation();
  useEffect(() => {
    let chord = -Infinity; // when "g" was pressed
    const press = (event: KeyboardEvent) => {
      if (isTaken(event)) return;
      const place = event.timeStamp - chord < CHORD_MS && PLACES[event.key as keyof typeof PLACES];
      chord = event.key === 'g' ? event.timeStamp : -Infinity;
      if (place) go(place);
      else if (event.key === '/') go('/search');
      else if (event.key === '?') onHelp();
      else if (event.key === 'u') onUpload();
      else return;
      event.preventDefault();
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, [go, onHelp, onUpload]);
}
