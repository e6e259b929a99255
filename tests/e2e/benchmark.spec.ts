import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parsePredictions } from '../../cli/predictions-file.ts';
import { scorePredictions } from '../../cli/score-predictions.ts';
import { zipArchive } from '../fixtures/zip-archive.ts';
import { drop, root, Session } from './browser-session.ts';
import { seriousFindings } from './serious-findings.ts';

const spider = resolve(root, '../shared/spider');
/** The questions of dev's first two databases, concert_singer and pets_1. */
const questions = 87;
const published = readFileSync(resolve(root, '../shared/predictions/base_qwen_0p5b.jsonl'), 'utf8').split('\n').slice(0, questions);
const predictions = Buffer.from(published.join('\n'));
const endless = 'WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';
/** Predictions of which one takes its whole 30 seconds: there is time to stop. */
const stuckAt60 = Buffer.from(
  published.map((line, at) => (at === 60 ? JSON.stringify({ ...(JSON.parse(line) as object), predicted_sql: endless }) : line)).join('\n'),
);

let session: Session;
/** A Spider of two databases, as a folder and as the archive is published. */
let folder: string;
let archive: Uint8Array;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tabletalk-spider-'));
  const examples = JSON.parse(readFileSync(join(spider, 'dev.json'), 'utf8')) as unknown[];
  const files = new Map<string, Uint8Array>([
    ['dev.json', Buffer.from(JSON.stringify(examples.slice(0, questions)))],
    ...['tables.json', 'database/concert_singer/concert_singer.sqlite', 'database/pets_1/pets_1.sqlite'].map(
      (path) => [path, readFileSync(join(spider, path))] as const,
    ),
  ]);
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  archive = zipArchive({
    ...Object.fromEntries([...files].map(([path, bytes]) => [`spider/${path}`, bytes])),
    // As an archive that was packed on a Mac has them.
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
  await session.page.emulateMedia({ colorScheme: 'light' });
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
  readonly pred_sql: string;
  readonly exec_match: boolean | null;
  readonly exact_set_match: boolean | null;
  readonly difficulty: string | null;
  readonly failure_mode: string | null;
}

async function exported(): Promise<string> {
  const downloading = session.page.waitForEvent('download');
  await session.page.getByRole('button', { name: 'Export as JSONL' }).click();
  return readFileSync(await (await downloading).path(), 'utf8');
}

const linesOf = (text: string): Line[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

const opened = (): Promise<void> => session.page.getByText('87 questions on 2 databases').waitFor();
const alert = (words: RegExp): Locator => session.page.getByRole('alert').getByText(words);

/** Scores the published predictions on the dropped archive. */
async function score(page: Page): Promise<void> {
  await drop(page, 'spider.zip', archive);
  await opened();
  await drop(page, 'base.jsonl', predictions);
  await page.getByText('All 87 questions done.').waitFor();
}

describe('the Benchmark page', () => {
  test('gives a predictions file on a dropped zip the published verdicts, shows each example, keeps the run, and undoes its deletion', async () => {
    const { page } = session;
    await score(page);
    const expected = published.map((line) => {
      const { index, hardness, exec, exact_match } = JSON.parse(line) as {
        index: number;
        hardness: string;
        exec: 0 | 1;
        exact_match: 0 | 1;
      };
      return { index, difficulty: hardness, exec_match: exec === 1, exact_set_match: exact_match === 1 };
    });
    const text = await exported();
    const given = linesOf(text).map(({ index, difficulty, exec_match, exact_set_match }) => ({
      index,
      difficulty,
      exec_match,
      exact_set_match,
    }));
    expect(given).toEqual(expected);
    const right = expected.filter(({ exec_match }) => exec_match).length;
    const total = page.getByRole('table', { name: 'Results by hardness' }).getByRole('row', { name: /^all/ });
    expect(await total.textContent()).toContain(`${((100 * right) / questions).toFixed(1)}%`);

    await page.getByLabel('Verdict').selectOption('wrong-result');
    await page.getByRole('list', { name: 'Examples' }).getByRole('button').first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('grid', { name: 'Gold: result' }).waitFor();
    await dialog.getByRole('grid', { name: 'Prediction: result' }).waitFor();
    const first = await dialog.getByRole('heading', { level: 2 }).textContent();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => dialog.getByRole('heading', { level: 2 }).textContent()).not.toBe(first);
    await dialog.getByRole('button', { name: 'Previous' }).click();
    await expect.poll(() => dialog.getByRole('heading', { level: 2 }).textContent()).toBe(first);
    await page.keyboard.press('Escape');
    await expect.poll(() => dialog.count()).toBe(0);

    await page.reload();
    await page.getByRole('button', { name: 'Delete base.jsonl' }).click();
    await page.getByText('base.jsonl was deleted.').waitFor();
    expect(await page.getByRole('button', { name: 'Show base.jsonl' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('button', { name: 'Show base.jsonl' }).click();
    await page.getByText('All 87 questions done.').waitFor();
    expect(await exported()).toBe(text);
  });

  test('takes a folder, stops, and goes on after a reload with what it has, in one tab at a time', async () => {
    const { page } = session;
    await page.getByLabel('Spider as a folder').setInputFiles(folder);
    await opened();
    await page.getByLabel('Predictions file').setInputFiles({ name: 'stuck.jsonl', mimeType: '', buffer: stuckAt60 });
    await page.getByText(/^60 of 87 questions/).waitFor();
    await page.getByRole('button', { name: /^Stop/ }).click();
    await page.getByText(/^Stopped at 60 of 87 questions/).waitFor();
    const before = await exported();

    await page.reload();
    await page.getByRole('button', { name: 'Show stuck.jsonl' }).click();
    const resume = page.getByRole('button', { name: 'Resume' });
    await page.getByText(/Drop in the same Spider to go on/).waitFor();
    expect(await resume.isDisabled()).toBe(true);
    await page.getByLabel('Spider as a folder').setInputFiles(folder);
    await resume.click();
    await page.getByText(/^60 of 87 questions/).waitFor();
    // A file dropped meanwhile is not lost in silence.
    await drop(page, 'base.jsonl', predictions);
    await alert(/A run is going on, so base\.jsonl was not read/).waitFor();

    const other = await session.context.newPage();
    await other.goto(`${session.url}#benchmark`);
    await other.getByRole('button', { name: 'Show stuck.jsonl' }).click();
    await other.getByLabel('Spider as a folder').setInputFiles(folder);
    await other.getByRole('button', { name: 'Resume' }).click();
    await other.getByRole('alert').getByText('This run goes on in another tab.').waitFor();
    await other.close();

    // Esc stops, as on the Ask page.
    await page.keyboard.press('Escape');
    await page.getByText(/^Stopped at 60 of 87 questions/).waitFor();
    expect(await exported()).toBe(before);
  });

  test('says what is wrong with a spoiled zip, another file and a line that is no JSON, and loses nothing', async () => {
    const { page } = session;
    await drop(page, 'spoiled.zip', archive.subarray(0, archive.length / 2));
    await alert(/spoiled\.zip: The archive is damaged/).waitFor();
    await drop(page, 'other.zip', zipArchive({ 'readme.txt': 'no benchmark' }));
    await alert(/other\.zip: There is no dev\.json in it/).waitFor();
    await drop(page, 'picture.png', Buffer.from('not a benchmark'));
    await alert(/neither a ZIP archive nor a predictions file/).waitFor();
    await drop(page, 'early.jsonl', predictions);
    await alert(/Drop in Spider, then early\.jsonl again/).waitFor();

    await score(page);
    await drop(page, 'broken.jsonl', Buffer.from(`${published[0] ?? ''}\nSELECT 1\n`));
    await alert(/broken\.jsonl, line 2 is not JSON/).waitFor();
    await drop(page, 'spoiled.zip', archive.subarray(0, archive.length / 2));
    await alert(/spoiled\.zip: The archive is damaged/).waitFor();
    await opened();
    expect(await page.getByText('All 87 questions done.').isVisible()).toBe(true);
  });

  test('leaves a missing database out, and says so', async () => {
    const { page } = session;
    const files = ['dev.json', 'tables.json', 'database/pets_1/pets_1.sqlite'];
    await drop(page, 'part.zip', zipArchive(Object.fromEntries(files.map((path) => [path, readFileSync(join(folder, path))]))));
    await page.getByText('1 of 2 databases chosen').waitFor();
    await drop(page, 'base.jsonl', predictions);
    await alert(/concert_singer is not in this copy of Spider/).waitFor();
    await page.getByText(/^Stopped at 42 of 87 questions/).waitFor();
  });

  test('is there again, with all that was dropped in, when it was left', async () => {
    const { page } = session;
    await score(page);
    await page.getByRole('link', { name: 'Ask' }).click();
    await page.getByRole('button', { name: /^Bookshop/ }).waitFor();
    await page.goBack();
    await page.getByText('All 87 questions done.').waitFor();
    await page.getByText('2 of 2 databases chosen').click();
    await page.getByRole('checkbox', { name: /^concert_singer/ }).uncheck();
    await page.getByRole('button', { name: 'Run 42 questions' }).waitFor();
  });

  test.each(['light', 'dark'] as const)(
    'axe finds nothing serious, and on a phone nothing is wider than the screen (%s)',
    async (colorScheme) => {
      const { page } = session;
      await page.emulateMedia({ colorScheme });
      const found: string[] = [];
      const look = async (where: string): Promise<void> => {
        found.push(...(await seriousFindings(session, where)));
        await page.setViewportSize({ width: 360, height: 740 });
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        if (width > 360) found.push(`${where}: ${String(width)} px wide`);
        await page.setViewportSize({ width: 1280, height: 860 });
      };
      await drop(page, 'spoiled.zip', archive.subarray(0, archive.length / 2));
      await page.getByRole('alert').waitFor();
      await look('an error');
      await score(page);
      await page.getByText('2 of 2 databases chosen').click();
      await look('results');
      await page.getByLabel('Verdict').selectOption('execution');
      await page.getByRole('list', { name: 'Examples' }).getByRole('button').first().click();
      await page.getByRole('dialog').getByRole('grid', { name: 'Gold: result' }).waitFor();
      await look('an example');
      expect(found).toEqual([]);
    },
  );

  test('runs the student on a chosen database; stops at once, and goes on after a reload', { timeout: 400_000 }, async () => {
    const { page } = session;
    await drop(page, 'spider.zip', archive);
    await opened();
    await page.getByRole('button', { name: 'Download' }).click();
    await page.getByRole('button', { name: /Model ready/ }).waitFor({ timeout: 240_000 });
    await page.getByText('2 of 2 databases chosen').click();
    await page.getByRole('checkbox', { name: /^concert_singer/ }).uncheck();
    await page.getByLabel('Only so many questions').fill('2');
    await page.getByRole('button', { name: 'Run 2 questions' }).click();
    await page.getByText(/^1 of 2 questions/).waitFor({ timeout: 120_000 });
    const began = Date.now();
    await page.keyboard.press('Escape');
    await page.getByText(/^Stopped at 1 of 2 questions/).waitFor();
    expect(Date.now() - began).toBeLessThan(2_000);
    const [first] = linesOf(await exported());

    await page.reload();
    await page.getByRole('button', { name: /^Show Tabletalk SmolLM2/ }).click();
    await drop(page, 'spider.zip', archive);
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByText('All 2 questions done.').waitFor({ timeout: 240_000 });
    const text = await exported();
    expect(linesOf(text)[0]).toEqual(first);
    expect(linesOf(text).map(({ index }) => index)).toEqual([45, 46]);
    for (const { pred_sql } of linesOf(text)) expect(pred_sql).toMatch(/^\s*SELECT/i);

    // The terminal says the same of what the student wrote.
    const { scored } = await scorePredictions(folder, parsePredictions(text, 'exported'));
    expect(linesOf(text).map(({ exec_match, failure_mode }) => ({ exec_match, failure_mode }))).toEqual(
      scored.map(({ verdict: { exec, failureMode } }) => ({ exec_match: exec === 1, failure_mode: failureMode })),
    );
  });
});
