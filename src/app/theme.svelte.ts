import { readTheme, writeTheme, type Theme } from '../storage/theme.ts';

/** Light, dark, or as the system has it. */
export class ThemeChoice {
  #chosen = $state<Theme>(readTheme());

  constructor() {
    this.#show();
  }

  get chosen(): Theme {
    return this.#chosen;
  }

  set chosen(theme: Theme) {
    this.#chosen = theme;
    writeTheme(theme);
    this.#show();
  }

  #show(): void {
    const { dataset } = document.documentElement;
    if (this.#chosen === 'system') delete dataset.theme;
    else dataset.theme = this.#chosen;
  }
}
