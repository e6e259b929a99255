import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parsePredictions } from '../../cli/predictions-file.ts';
import { scorePredictions } from '../../cli/score-predictions.ts';
import { zipArchive } from '../fixtures/zip-archive.ts';
import { drop, root, Session } from './browser-session.ts';

const spider = resolve(root, '../shared/spider');
/** The questions of dev's first two databases, concert_singer and pets_1. */
const questions = 87;
const databaseIds = ['concert_singer', 'pets_1'];
const allPredictions = readFileSync(resolve(root, '../shared/predictions/base_qwen_0p5b.jsonl'), 'utf8').split('\n');
const predictions = allPredictions.slice(0, questions).join('\n');

let session: Session;
/** A Spider of two databases, as a folder. */
let folder: string;
let archive: Uint8Array;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tabletalk-spider-'));
  const examples = JSON.parse(readFileSync(join(spider, 'dev.json'), 'utf8')) as unknown[];
  const files = new Map([
    ['dev.json', Buffer.from(JSON.stringify(examples.slice(0, questions)))],
    ['tables.json', readFileSync(join(spider, 'tables.json'))],
    ...databaseIds.map((id) => {
      const path = `database/${id}/${id}.sqlite`;
      return [path, readFileSync(join(spider, path))] as const;
    }),
  ]);
  for (const [path, bytes] of files) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  archive = zipArchive({
    ...Object.fromEntries([...files].map(([path, bytes]) => [`spider/${path}`, bytes])),
    ...Object.fromEntries([...files.keys()].map((path) => [`__MACOSX/spider/._${path}`, 'junk'])),
  });
  session = await Session.start();
});
afterAll(async () => {
  await session.end();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  session.forget();
  await session.open();
  await session.page.getByRole('link', { name: 'Benchmark' }).click();
  await session.page.getByRole('heading', { name: 'Benchmark', level: 1 }).waitFor();
});
afterEach(() => {
  expect(session.foreign, 'requests to other origins').toEqual([]);
  expect(session.violations, 'policy and Trusted Types reports').toEqual([]);
  expect(session.errors, 'uncaught errors').toEqual([]);
});

interface Line {
  readonly index: number;
  readonly exec_match: boolean | null;
  readonly exact_set_match: boolean | null;
  readonly difficulty: string | null;
  readonly failure_mode: string | null;
}

async function exported(): Promise<Line[]> {
  const downloading = session.page.waitForEvent('download');
  await session.page.getByRole('button', { name: 'Export as JSONL' }).click();
  const text = readFileSync(await (await downloading).path(), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

describe('the Benchmark page', () => {
  test('scores a predictions file on a dropped zip as the terminal does, shows each example, and keeps the run', async () => {
    const { page } = session;
    await drop(page, 'spider.zip', archive);
    await page.getByText('87 questions on 2 databases').waitFor();
    await drop(page, 'base.jsonl', Buffer.from(predictions));
    await page.getByText('All 87 questions done.').waitFor();

    const { scored } = await scorePredictions(folder, parsePredictions(predictions, 'base.jsonl'));
    const fromTerminal = scored.map(({ index, verdict: { exec, exactMatch, hardness, failureMode } }) => ({
      index,
      exec_match: exec === null ? null : exec === 1,
      exact_set_match: exactMatch === null ? null : exactMatch === 1,
      difficulty: hardness,
      failure_mode: failureMode,
    }));
    expect(fromTerminal).toHaveLength(questions);
    const lines = await exported();
    expect(
      lines.map(({ index, exec_match, exact_set_match, difficulty, failure_mode }) => ({
        index,
        exec_match,
        exact_set_match,
        difficulty,
        failure_mode,
      })),
    ).toEqual(fromTerminal);
    const right = fromTerminal.filter(({ exec_match }) => exec_match).length;
    const total = page.getByRole('table', { name: 'Results by hardness' }).getByRole('row', { name: /^all/ });
    expect(await total.textContent()).toContain(`${((100 * right) / questions).toFixed(1)}%`);

    await page.getByLabel('Verdict').selectOption('wrong-result');
    await page.getByRole('list', { name: 'Examples' }).getByRole('button').first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('grid', { name: 'Gold: result' }).waitFor();
    await dialog.getByRole('grid', { name: 'Prediction: result' }).waitFor();
    const first = await dialog.getByRole('heading', { level: 2 }).textContent();
    await dialog.getByRole('button', { name: 'Next' }).click();
    await expect.poll(() => dialog.getByRole('heading', { level: 2 }).textContent()).not.toBe(first);
    await page.keyboard.press('Escape');
    await expect.poll(() => dialog.count()).toBe(0);

    await page.reload();
    await page.getByRole('button', { name: 'Show base.jsonl' }).first().click();
    await page.getByText('All 87 questions done.').waitFor();
    expect(await exported()).toEqual(lines);
  });

  test('takes a folder, stops, and goes on after a reload with what it has', async () => {
    const { page } = session;
    await page.getByLabel('Spider as a folder').setInputFiles(folder);
    await page.getByText('87 questions on 2 databases').waitFor();
    await page.getByLabel('Predictions file').setInputFiles({ name: 'stuck.jsonl', mimeType: '', buffer: Buffer.from(stuckAt(60)) });
    await page.getByText(/^60 of 87 questions/).waitFor();
    await page.getByRole('button', { name: /^Stop/ }).click();
    await page.getByText(/^Stopped at 60 of 87 questions/).waitFor();
    const before = await exported();

    await page.reload();
    await page.getByRole('button', { name: 'Show stuck.jsonl' }).first().click();
    const resume = page.getByRole('button', { name: 'Resume' });
    expect(await resume.isDisabled()).toBe(true);
    await page.getByText(/Drop in the same Spider to go on/).waitFor();
    await page.getByLabel('Spider as a folder').setInputFiles(folder);
    await resume.click();
    await page.getByText(/^60 of 87 questions/).waitFor();
    // Esc stops, as on the Ask page.
    await page.keyboard.press('Escape');
    await page.getByText(/^Stopped at 60 of 87 questions/).waitFor();
    expect(await exported()).toEqual(before);
  });

  test('says what is wrong with a spoiled zip, another file and a line that is no JSON, and loses nothing', async () => {
    const { page } = session;
    await drop(page, 'spoiled.zip', archive.subarray(0, archive.length / 2));
    await page
      .getByRole('alert')
      .getByText(/spoiled\.zip: The archive is damaged/)
      .waitFor();
    await drop(page, 'picture.png', Buffer.from('not a benchmark'));
    await page
      .getByRole('alert')
      .getByText(/neither a ZIP archive nor a predictions file/)
      .waitFor();
    await drop(page, 'early.jsonl', Buffer.from(predictions));
    await page
      .getByRole('alert')
      .getByText(/Drop in Spider, then early\.jsonl again/)
      .waitFor();

    await drop(page, 'spider.zip', archive);
    await page.getByText('87 questions on 2 databases').waitFor();
    await drop(page, 'broken.jsonl', Buffer.from(`${allPredictions[0] ?? ''}\nSELECT 1\n`));
    await page
      .getByRole('alert')
      .getByText(/broken\.jsonl, line 2 is not JSON/)
      .waitFor();
    expect(await page.getByText('87 questions on 2 databases').isVisible()).toBe(true);
  });

  test('leaves a missing database out, and says so', async () => {
    const { page } = session;
    const files = ['dev.json', 'tables.json', 'database/pets_1/pets_1.sqlite'];
    await drop(page, 'part.zip', zipArchive(Object.fromEntries(files.map((path) => [path, readFileSync(join(folder, path))]))));
    await page.getByText('1 of 2 databases chosen').waitFor();
    await drop(page, 'base.jsonl', Buffer.from(predictions));
    await page
      .getByRole('alert')
      .getByText(/concert_singer is not in this copy of Spider/)
      .waitFor();
    await page.getByText(/^Stopped at 42 of 87 questions/).waitFor();
  });
});

/** Predictions of which one takes its whole 30 seconds: there is time to stop. */
function stuckAt(place: number): string {
  const endless = 'WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';
  return predictions
    .split('\n')
    .map((line, at) => (at === place ? JSON.stringify({ ...(JSON.parse(line) as object), predicted_sql: endless }) : line))
    .join('\n');
}
