import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { freshModule } from './node/node-database.ts';
import { DEFAULT_LIMITS, Processor } from './processor.ts';
import { quoteName } from './read-schema.ts';
import type { SqliteModule } from './sqlite-module.ts';

/** `MUTANTS=1000000 npx vitest run --project node src/database/mutants` is the full run. */
const MUTANTS = Number(process.env.MUTANTS ?? 20_000);
const FILES = 12;
const LARGEST = 48 * 1024;

const folder = path.resolve('../shared/spider/database');

/** mulberry32: the same mutants at every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** One to four of: a header byte, bytes of a page's head or its cell pointers, bytes anywhere, a run of one byte, a page over another, an end cut off. */
function mutate(original: Uint8Array, random: () => number): Uint8Array {
  const below = (bound: number): number => Math.floor(random() * bound);
  let bytes = original.slice();
  const pageSize = ((original[16] ?? 0) << 8) | (original[17] ?? 0) || 4096;
  const pages = Math.max(1, Math.floor(bytes.length / pageSize));
  const value = (): number => (random() < 0.4 ? ([0, 1, 0x7f, 0x80, 0xff][below(5)] ?? 0) : below(256));
  for (let change = 1 + below(4); change > 0; change--) {
    switch (below(8)) {
      case 0:
        bytes[16 + below(84)] = value();
        break;
      case 1:
      case 2:
        bytes[below(pages) * pageSize + below(12)] = value();
        break;
      case 3:
        bytes[100 + below(pageSize - 100)] = value();
        break;
      case 4:
        for (let count = 1 + below(8); count > 0; count--) bytes[below(bytes.length)] = value();
        break;
      case 5: {
        const start = below(bytes.length);
        bytes.fill(value(), start, start + 1 + below(64));
        break;
      }
      case 6:
        bytes.copyWithin(below(pages) * pageSize, below(pages) * pageSize, bytes.length);
        break;
      default:
        if (random() < 0.3) bytes = bytes.slice(0, Math.max(1, below(bytes.length)));
        else bytes[below(pages) * pageSize + 8 + below(40)] = value();
    }
  }
  return bytes;
}

test(
  `${String(MUTANTS)} damaged files neither trap nor hang`,
  async () => {
    expect(existsSync(folder), `${folder} is missing: the Spider databases are needed as the material of this test`).toBe(true);
    const originals = readdirSync(folder)
      .sort()
      .map((name) => path.join(folder, name, `${name}.sqlite`))
      .filter((file) => existsSync(file) && statSync(file).size <= LARGEST)
      .filter((_, index, all) => index % Math.max(1, Math.floor(all.length / FILES)) === 0)
      .slice(0, FILES)
      .map((file) => ({ file, bytes: new Uint8Array(readFileSync(file)) }));
    expect(originals).toHaveLength(FILES);
    const random = seeded(19);
    // One module serves all: a fresh one a mutant would cost more than the mutant. A trap fails the test anyway.
    const module: SqliteModule = await freshModule();
    const outcomes = { refused: 0, inPart: 0, whole: 0 };
    let slowest = 0;
    for (let number = 0; number < MUTANTS; number++) {
      const original = originals[number % FILES];
      if (!original) throw new RangeError('no file');
      const name = `mutant ${String(number)} of ${path.basename(original.file)}`;
      const mutant = mutate(original.bytes, random);
      const begin = performance.now();
      const opened = await Processor.open(mutant, () => Promise.resolve(module));
      if (opened.ok) {
        let failed = false;
        const tables: string[] = [];
        for (const event of opened.value.schemaEvents(new Set())) {
          if (event.kind === 'columns') tables.push(event.name);
          failed ||= event.kind === 'failed';
        }
        for (const table of tables) {
          const result = opened.value.run(`SELECT * FROM ${quoteName(table)}`, { ...DEFAULT_LIMITS, rowLimit: 2_000, timeoutMs: 2_000 });
          if (!result.ok && ['crashed', 'timeout'].includes(result.error.code))
            throw new Error(`${name}: ${result.error.sqlite ?? result.error.code}`);
          failed ||= !result.ok;
        }
        opened.value.close();
        outcomes[failed ? 'inPart' : 'whole']++;
      } else {
        if (opened.error.code === 'crashed') throw new Error(`${name}: ${opened.error.sqlite ?? ''}`);
        outcomes.refused++;
      }
      slowest = Math.max(slowest, performance.now() - begin);
    }
    console.log(`${JSON.stringify(outcomes)}, slowest ${slowest.toFixed(0)} ms`);
    // The goal is 1 s on a free machine. Some of each: else the mutations would be too weak or too strong to test anything.
    expect(slowest).toBeLessThan(5_000);
    for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(MUTANTS / 20);
  },
  Math.max(180_000, MUTANTS * 10),
);
