export type Theme = 'system' | 'light' | 'dark';

const key = 'tabletalk:theme';

/** The chosen theme; `system` where none was chosen or storage is refused. Read before the first paint, hence localStorage. */
export function readTheme(): Theme {
  try {
    const stored = localStorage.getItem(key);
    return stored === 'light' || stored === 'dark' ? stored : 'system';
  } catch {
    return 'system'; // Blocked site data: the choice then lasts as long as the page.
  }
}

export function writeTheme(theme: Theme): void {
  try {
    if (theme === 'system') localStorage.removeItem(key);
    else localStorage.setItem(key, theme);
  } catch {
    return; // As above: the page itself has the theme already.
  }
}
