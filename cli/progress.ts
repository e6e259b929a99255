/** A line on stderr that says how far a command is: redrawn in place on a terminal, a line every tenth otherwise. */
export class Progress {
  readonly #label: string;
  readonly #total: number;
  readonly #start = performance.now();
  readonly #already: number;
  #done: number;
  #shown = -1;

  /** @param already how many of `total` were done before this run */
  constructor(label: string, total: number, already = 0) {
    this.#label = label;
    this.#total = total;
    this.#already = already;
    this.#done = already;
  }

  advance(note = ''): void {
    this.#done += 1;
    const share = this.#total === 0 ? 1 : this.#done / this.#total;
    if (process.stderr.isTTY) {
      const width = 24;
      const filled = Math.round(share * width);
      process.stderr.write(`\r\x1b[K${this.#label} ${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${this.#numbers()} ${note}`);
      if (this.#done >= this.#total) process.stderr.write('\n');
    } else if (Math.floor(share * 10) > this.#shown) {
      this.#shown = Math.floor(share * 10);
      process.stderr.write(`${this.#label} ${this.#numbers()} ${note}\n`);
    }
  }

  #numbers(): string {
    const seconds = (performance.now() - this.#start) / 1000;
    const left = (seconds / Math.max(1, this.#done - this.#already)) * (this.#total - this.#done);
    return `${String(this.#done)}/${String(this.#total)}, ${clock(seconds)} gone, ${clock(left)} left`;
  }
}

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${String(Math.floor(whole / 60))}:${String(whole % 60).padStart(2, '0')}`;
}
