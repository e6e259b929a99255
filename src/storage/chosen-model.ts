const key = 'tabletalk:model';

/** The id of the model that was chosen last; null where none was, or storage is refused. */
export function readChosenModel(): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // Blocked site data: the first model is offered again.
  }
}

export function writeChosenModel(id: string): void {
  try {
    localStorage.setItem(key, id);
  } catch {
    return; // As above.
  }
}
