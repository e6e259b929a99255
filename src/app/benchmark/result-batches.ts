import type { BenchmarkResult } from '../../storage/benchmark-runs.ts';

/** Some times a second: a thousand results that come within seconds are not a thousand drawings of the page. */
const everyMs = 300;

/** Gathers results and hands them on together. A hidden page's timers come late, so a result that finds the time up does not wait for one. */
export class ResultBatches {
  readonly #onBatch: (batch: readonly BenchmarkResult[]) => void;
  #waiting: BenchmarkResult[] = [];
  #handedOnAt = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(onBatch: (batch: readonly BenchmarkResult[]) => void) {
    this.#onBatch = onBatch;
  }

  add(result: BenchmarkResult): void {
    this.#waiting.push(result);
    if (performance.now() - this.#handedOnAt >= everyMs) this.flush();
    else
      this.#timer ??= setTimeout(() => {
        this.flush();
      }, everyMs);
  }

  /** Hands on what there is; call it at the end. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    const batch = this.#waiting;
    this.#waiting = [];
    this.#handedOnAt = performance.now();
    this.#onBatch(batch);
  }
}
