const KEY = 'facet.theme';
const dark = () => matchMedia('(prefers-color-scheme: dark)');

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage may be switched off
  }
}

function apply() {
  document.documentElement.dataset.theme = stored() ?? (dark().matches ? 'dark' : 'light');
}

/** Follows the system until the user chooses. */
export function startTheme() {
  apply();
  dark().addEventListener('change', apply);
}

export function toggleTheme() {
  const next = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // then it holds until the page is left
  }
  document.documentElement.dataset.theme = next;
}
