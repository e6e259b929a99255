import * as v from 'valibot';

const RepairChoice = v.object({
  /** Whether a model's SQL is put right by what the database says before it runs. */
  repair: v.boolean(),
  /** Whether Spider's habits count as right: a benchmark's taste, so off unless chosen. */
  habits: v.boolean(),
});
export type RepairChoice = v.InferOutput<typeof RepairChoice>;

const key = 'tabletalk:repair';
const usual: RepairChoice = { repair: true, habits: false };

/** What was chosen; repair without habits where nothing was, or where storage is refused or damaged. */
export function readRepairChoice(): RepairChoice {
  try {
    const parsed = v.safeParse(RepairChoice, JSON.parse(localStorage.getItem(key) ?? 'null'));
    return parsed.success ? parsed.output : usual;
  } catch {
    return usual; // Blocked site data: the choice then lasts as long as the page.
  }
}

export function writeRepairChoice(choice: RepairChoice): void {
  try {
    localStorage.setItem(key, JSON.stringify(choice));
  } catch {
    return; // As above.
  }
}
