import { cell } from './cell';
import { readStored, writeStored } from './storage';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEY = 'facet.theme';
const theme = cell<Theme>('system');

const dark = () => matchMedia('(prefers-color-scheme: dark)');

function apply() {
  const shown = theme.get() === 'system' ? (dark().matches ? 'dark' : 'light') : theme.get();
  document.documentElement.dataset.theme = shown;
  document
    .querySelector('meta[name=theme-color]')
    ?.setAttribute('content', getComputedStyle(document.documentElement).getPropertyValue('--card').trim());
}

export function startTheme() {
  const stored = readStored(KEY);
  theme.set(THEMES.find((one) => one === stored) ?? 'system');
  apply();
  dark().addEventListener('change', apply);
}

export function setTheme(next: Theme) {
  writeStored(KEY, next === 'system' ? null : next);
  theme.set(next);
  apply();
}

export const useTheme = theme.use;
