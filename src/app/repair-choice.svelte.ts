import { readRepairChoice, writeRepairChoice } from '../storage/repair-choice.ts';

/** Whether the model's SQL is repaired before it runs, and by which rules. */
export class RepairSwitches {
  #chosen = $state.raw(readRepairChoice());

  get repair(): boolean {
    return this.#chosen.repair;
  }

  set repair(repair: boolean) {
    this.#choose({ ...this.#chosen, repair });
  }

  get habits(): boolean {
    return this.#chosen.habits;
  }

  set habits(habits: boolean) {
    this.#choose({ ...this.#chosen, habits });
  }

  #choose(choice: { repair: boolean; habits: boolean }): void {
    this.#chosen = choice;
    writeRepairChoice(choice);
  }
}
