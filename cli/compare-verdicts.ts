import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { comparePaired } from '../src/evaluation/statistics.ts';
import { readArguments, runCommand, UsageError } from './arguments.ts';

const Line = v.looseObject({ index: v.number(), exec: v.nullable(v.picklist([0, 1])) });

/**
 * `npm run compare-verdicts`: whether one predictions file is better than another on the same questions, from the verdicts that
 * `npm run evaluate -- --out FILE` wrote of each. Questions that could not be scored in either are left out.
 */
await runCommand(async (args) => {
  const given = readArguments(
    'compare-verdicts',
    {
      before: { type: 'string', value: 'FILE', required: true, help: 'verdicts of the one, as npm run evaluate -- --out writes them' },
      after: { type: 'string', value: 'FILE', required: true, help: 'verdicts of the other, on the same questions' },
    },
    args,
  );
  const [before, after] = [await readVerdicts(given.required('before')), await readVerdicts(given.required('after'))];
  const missing = [...before.keys()].find((index) => !after.has(index)) ?? [...after.keys()].find((index) => !before.has(index));
  if (missing !== undefined) {
    throw new UsageError(`Question ${String(missing)} is in one of the files only. Predict and evaluate the same questions with both.`);
  }
  const pairs = [...before].flatMap(([index, first]) => {
    const second = after.get(index) ?? null;
    return first === null || second === null ? [] : [{ first, second }];
  });
  const { difference, interval, onlyFirst, onlySecond, p } = comparePaired(
    pairs.map(({ second }) => second),
    pairs.map(({ first }) => first),
  );
  const right = (which: 'first' | 'second'): number => pairs.filter((pair) => pair[which] === 1).length;
  const points = (share: number): number => Math.round(share * 1000) / 10;
  const line = {
    n: pairs.length,
    before: right('first'),
    after: right('second'),
    difference_points: points(difference),
    interval_95: [points(interval.low), points(interval.high)],
    only_after: onlyFirst,
    only_before: onlySecond,
    p: Math.round(p * 10_000) / 10_000,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
});

async function readVerdicts(file: string): Promise<Map<number, 0 | 1 | null>> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new UsageError(`${file} cannot be read. Make it with npm run evaluate -- --predictions … --out ${file}.`);
  });
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return new Map(lines.map((line, at) => readLine(line, `${file}, line ${String(at + 1)}`)));
}

function readLine(line: string, where: string): [number, 0 | 1 | null] {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new UsageError(`${where} is not JSON. Make the file with npm run evaluate -- --out.`);
  }
  const parsed = v.safeParse(Line, json);
  if (!parsed.success) throw new UsageError(`${where} is no verdict. Make the file with npm run evaluate -- --out.`);
  return [parsed.output.index, parsed.output.exec];
}
