/** How much a newer rate counts against the older ones: about the last four samples decide. */
const WEIGHT = 0.3;
/** Samples closer together than this say more about buffering than about speed. */
const SAMPLE_MS = 250;
const LEAST_SAMPLES = 3;

/** Estimates the time left from how fast a count grows. Pure: the clock is passed in, in milliseconds. */
export class TimeLeft {
  #lastTime: number | undefined;
  #lastCount = 0;
  #rate = 0;
  #samples = 0;

  /** Notes that `count` of the whole was reached at `now`. */
  add(now: number, count: number): void {
    if (this.#lastTime === undefined || count < this.#lastCount) {
      this.#lastTime = now;
      this.#lastCount = count;
      return;
    }
    const elapsed = now - this.#lastTime;
    if (elapsed < SAMPLE_MS) return;
    const rate = (count - this.#lastCount) / elapsed;
    this.#rate = this.#samples === 0 ? rate : WEIGHT * rate + (1 - WEIGHT) * this.#rate;
    this.#samples++;
    this.#lastTime = now;
    this.#lastCount = count;
  }

  /** Seconds until `total` is reached, whole; null until there is enough to go by, or while nothing moves. */
  secondsLeft(total: number): number | null {
    if (this.#samples < LEAST_SAMPLES || this.#rate <= 0) return null;
    // The small part taken off keeps rounding errors of the average from counting as a second.
    return Math.ceil(Math.max(0, total - this.#lastCount) / this.#rate / 1000 - 1e-6);
  }
}
