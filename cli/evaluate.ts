import { writeFile } from 'node:fs/promises';
import type { BirdVerdict } from '../src/evaluation/bird.ts';
import { HARDNESS_LEVELS } from '../src/evaluation/hardness.ts';
import { summarize } from '../src/evaluation/summary.ts';
import type { Summary, Tally } from '../src/evaluation/summary.ts';
import { readArguments, runCommand } from './arguments.ts';
import { readPredictions } from './predictions-file.ts';
import { Progress } from './progress.ts';
import { birdSummary, scoreOnBird } from './score-bird.ts';
import { scorePredictions } from './score-predictions.ts';
import type { ScoredPrediction } from './score-predictions.ts';

/** `npm run evaluate`: scores a predictions file on Spider dev as the official evaluator does. */
await runCommand(async (args) => {
  const given = readArguments(
    'evaluate',
    {
      predictions: { type: 'string', value: 'FILE', required: true, help: 'predictions, one JSON object a line' },
      spider: {
        type: 'string',
        value: 'DIR',
        help: 'Spider as published: the archive, or the folder with dev.json, tables.json and database/',
      },
      bird: { type: 'string', value: 'DIR', help: 'instead of --spider: BIRD as published, scored by its own metric' },
      ves: { type: 'string', value: 'N', help: 'with --bird: time each right answer N times for the valid efficiency score (BIRD: 100)' },
      'keep-distinct': { type: 'boolean', help: 'keep DISTINCT, which the official evaluator takes out by default' },
      suites: {
        type: 'string',
        value: 'DIR',
        help: 'test suites, ours (npm run make-suites) or the official ones: right means right on all their databases too',
      },
      out: { type: 'string', value: 'FILE', help: 'write a verdict a line here' },
      db: { type: 'string', value: 'ID', help: 'only the questions on this database' },
      limit: { type: 'string', value: 'N', help: 'only the first N predictions' },
      timeout: { type: 'string', value: 'SECONDS', help: 'how long one query may run (30)' },
      json: { type: 'boolean', help: 'print the counts as one JSON object, last' },
    },
    args,
  );
  const database = given.text('db');
  const timeout = given.count('timeout');
  const suites = given.text('suites');
  const all = await readPredictions(given.required('predictions'));
  const predictions = all
    .filter((prediction) => database === undefined || prediction.databaseId === database)
    .slice(0, given.count('limit'));

  const progress = new Progress('Scoring', predictions.length);
  const begin = performance.now();
  const bird = given.text('bird');
  if (bird !== undefined) {
    const onBird = await scoreOnBird(bird, predictions, {
      timings: given.count('ves') ?? 0,
      ...(timeout === undefined ? {} : { timeoutMs: timeout * 1000 }),
      onScored: () => {
        progress.advance();
      },
    });
    const lines = onBird.map(({ example, verdict }) => ({ index: example.index, db_id: example.databaseId, ...birdLine(verdict) }));
    await writeLines(given.text('out'), lines);
    process.stdout.write(`${JSON.stringify({ ...birdSummary(onBird), seconds: Math.round((performance.now() - begin) / 100) / 10 })}\n`);
    return;
  }
  const { scored, leftOut } = await scorePredictions(given.required('spider'), predictions, {
    keepDistinct: given.flag('keep-distinct'),
    ...(timeout === undefined ? {} : { timeoutMs: timeout * 1000 }),
    ...(suites === undefined ? {} : { suites }),
    onScored: () => {
      progress.advance();
    },
  });
  const seconds = (performance.now() - begin) / 1000;
  if (leftOut.length > 0) process.stderr.write(`Left out, not among the usable dev questions: ${leftOut.join(', ')}\n`);

  await writeLines(given.text('out'), scored.map(verdictLine));
  const summary = summarize(scored.map((prediction) => prediction.verdict));
  const testSuite = suites === undefined ? undefined : suiteTally(scored);
  process.stdout.write(
    given.flag('json')
      ? `${JSON.stringify({ ...jsonSummary(summary, seconds), ...(testSuite === undefined ? {} : { test_suite: testSuite }) })}\n`
      : textSummary(summary, seconds) +
          (testSuite === undefined ? '' : `test suites: ${String(testSuite.right)} of ${String(testSuite.n)} right\n`),
  );
});

function birdLine({ exec, timeRatio }: BirdVerdict): object {
  return { exec, ...(timeRatio === undefined ? {} : { time_ratio: timeRatio }) };
}

async function writeLines(file: string | undefined, lines: readonly object[]): Promise<void> {
  if (file !== undefined) await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** Of the predictions on databases that have a suite. */
function suiteTally(scored: readonly ScoredPrediction[]): { readonly n: number; readonly right: number; readonly accuracy: number | null } {
  const tested = scored.filter((prediction) => typeof prediction.testSuite === 'number');
  const right = tested.filter((prediction) => prediction.testSuite === 1).length;
  return { n: tested.length, right, accuracy: share(right, tested.length) };
}

function verdictLine({ index, databaseId, verdict, testSuite }: ScoredPrediction): object {
  return {
    index,
    db_id: databaseId,
    exec: verdict.exec,
    exact_match: verdict.exactMatch,
    hardness: verdict.hardness,
    failure_mode: verdict.failureMode,
    ...(testSuite === undefined ? {} : { test_suite: testSuite }),
    ...(verdict.exec === null ? { could_not_score: verdict.error?.sqlite ?? verdict.error?.message } : {}),
  };
}

/** `exec` and `exact_match` are counts of `n`, which leaves out what could not be scored. */
function jsonSummary(summary: Summary, seconds: number): object {
  const counts = (tally: Tally): object => ({ n: tally.n, exec: tally.exec, exact_match: tally.exactMatch });
  return {
    ...counts(summary),
    exec_accuracy: share(summary.exec, summary.n),
    exact_match_accuracy: share(summary.exactMatch, summary.n),
    by_hardness: Object.fromEntries(HARDNESS_LEVELS.map((level) => [level, counts(summary.byHardness[level])])),
    failure_modes: summary.failureModes,
    could_not_score: summary.couldNotScore,
    seconds: Math.round(seconds * 10) / 10,
  };
}

function share(count: number, total: number): number | null {
  return total === 0 ? null : Math.round((count / total) * 10_000) / 10_000;
}

function textSummary(summary: Summary, seconds: number): string {
  const percent = (count: number, total: number): string => (total === 0 ? '-' : `${((100 * count) / total).toFixed(1)}%`);
  const line = (name: string, tally: Tally): string =>
    `${name.padEnd(8)} ${String(tally.n).padStart(5)} ${percent(tally.exec, tally.n).padStart(10)} ${percent(tally.exactMatch, tally.n).padStart(12)}`;
  return [
    `${'hardness'.padEnd(8)} ${'n'.padStart(5)} ${'execution'.padStart(10)} ${'exact match'.padStart(12)}`,
    ...HARDNESS_LEVELS.map((level) => line(level, summary.byHardness[level])),
    line('all', summary),
    '',
    ...Object.entries(summary.failureModes).map(([mode, count]) => `${mode.padEnd(14)} ${String(count)}`),
    `could not score: ${String(summary.couldNotScore)}; ${seconds.toFixed(1)} s`,
    '',
  ].join('\n');
}
