/**
 * `npm run measure`: what the app costs, measured in the real browser on the built `dist/` with the embedded student, written to
 * reports/performance.json and reports/performance.md. On a machine without a graphics card WebGPU runs in software (SwiftShader).
 *
 *     npm run measure                       the library that the app picks
 *     npm run measure -- --schedule gpu     the stock schedule, made for graphics cards (in software: many minutes)
 *
 * A measurement replaces that of the same schedule only, so that both stand in the report.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import * as v from 'valibot';
import { grid, openSample, question, Session } from '../tests/e2e/browser-session.ts';
import { initialScripts } from './initial-scripts.ts';
import { performanceReport, type Measurement, type Performance, type Question } from './performance-report.ts';
import { watchMemory } from './watch-memory.ts';

const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'dist');
const patience = 1_800_000;
const { values: chosen } = parseArgs({ options: { schedule: { type: 'string' } } });

const Card = v.looseObject({ libraries: v.array(v.looseObject({ file: v.string(), schedule: v.string(), computeType: v.string() })) });
const Index = v.looseObject({ models: v.array(v.looseObject({ folder: v.string(), cardSha256: v.string() })) });

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

/** A copy of the build in which the model has only the libraries of one schedule; the pinned hash is made to fit. */
function buildWithSchedule(schedule: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tabletalk-measure-'));
  cpSync(dist, folder, { recursive: true, dereference: true });
  const indexPath = join(folder, 'models/index.json');
  const index = v.parse(Index, readJson(indexPath));
  const models = index.models.map((model) => {
    const cardPath = join(folder, 'models', model.folder, 'model-card.json');
    const card = v.parse(Card, readJson(cardPath));
    const libraries = card.libraries.filter((library) => library.schedule === schedule);
    if (libraries.length === 0) throw new Error(`The model in ${model.folder} has no library of the schedule ${schedule}.`);
    const text = JSON.stringify({ ...card, libraries });
    writeFileSync(cardPath, text);
    return { ...model, cardSha256: createHash('sha256').update(text).digest('hex') };
  });
  writeFileSync(indexPath, JSON.stringify({ ...index, models }));
  return folder;
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

/** Asks, and reads what it took from the trace that the page itself shows. */
async function ask(page: Page, text: string): Promise<Question> {
  await question(page).fill(text);
  const began = performance.now();
  await page.keyboard.press('Enter');
  const sql = page.getByTestId('sql');
  await sql.filter({ hasText: /\S/ }).waitFor({ timeout: patience });
  const secondsToFirstSql = (performance.now() - began) / 1000;
  await page.getByRole('button', { name: 'Ask', exact: true }).waitFor({ timeout: patience });
  const secondsToAnswer = (performance.now() - began) / 1000;
  const rows = (await grid(page).isVisible()) ? Number(await grid(page).getAttribute('aria-rowcount')) - 1 : null;
  const cost = v.parse(
    v.object({
      promptTokens: v.number(),
      reusedTokens: v.number(),
      completionTokens: v.number(),
      prefillMs: v.number(),
      decodeMs: v.number(),
    }),
    JSON.parse((await page.locator('[data-cost]').getAttribute('data-cost')) ?? 'null'),
  );
  return { question: text, sql: (await sql.textContent()) ?? '', rows, secondsToFirstSql, secondsToAnswer, ...cost };
}

async function measure(folder: string): Promise<Measurement> {
  const session = await Session.start({ root: folder });
  const memory = watchMemory(process.pid);
  try {
    const { page } = session;
    const start = await seconds(() => session.open());
    await openSample(page, /^Bookshop/);
    const ready = (): Promise<void> => page.getByRole('button', { name: /Model ready/ }).waitFor({ timeout: patience });
    const coldLoad = await seconds(async () => {
      await page.getByRole('button', { name: 'Download' }).click();
      await ready();
    });
    // Asked at once, the first question pays for the schema as well; the second finds it in the KV cache.
    const first = await ask(page, 'How many orders were cancelled?');
    const second = await ask(page, 'What is the average price of the books in each genre?');
    await session.open();
    await openSample(page, /^Bookshop/);
    const warmLoad = await seconds(ready);
    return {
      measuredAt: new Date().toISOString(),
      processors: `${String(cpus().length)} x ${cpus()[0]?.model ?? 'unknown'}`,
      loadAverage: loadavg()[0] ?? 0,
      browser: session.context.browser()?.version() ?? 'unknown',
      startSeconds: start,
      coldLoadSeconds: coldLoad,
      warmLoadSeconds: warmLoad,
      first,
      second,
      peakMemoryBytes: memory.stop(),
    };
  } finally {
    memory.stop();
    await session.end();
  }
}

function sizes(): Performance['sizes'] {
  const gzipped = (path: string): number => gzipSync(readFileSync(path), { level: 9 }).length;
  const models = join(dist, 'models');
  const { models: listed } = v.parse(Index, readJson(join(models, 'index.json')));
  const [student] = listed;
  if (!student) throw new Error('dist/models/index.json names no model.');
  const folder = join(models, student.folder);
  const files = readdirSync(folder).map((name) => ({ name, bytes: statSync(join(folder, name)).size }));
  const { libraries } = v.parse(Card, readJson(join(folder, 'model-card.json')));
  return {
    initialJavaScriptGzipped: initialScripts(dist).reduce((sum, path) => sum + gzipped(path), 0),
    studentFolder: files.reduce((sum, { bytes }) => sum + bytes, 0),
    libraries: libraries.map(({ file, schedule, computeType }) => ({
      name: `${schedule}, ${computeType}`,
      bytes: files.find(({ name }) => name === file)?.bytes ?? 0,
    })),
  };
}

const target = join(root, 'reports', 'performance.json');
const before = existsSync(target) ? (readJson(target) as Performance) : undefined;
const stagesFile = join(root, '.cache/test/stages.json');
const schedule = chosen.schedule ?? 'picked';
const folder = chosen.schedule === undefined ? dist : buildWithSchedule(chosen.schedule);
try {
  const report: Performance = {
    command: 'npm run measure',
    sizes: sizes(),
    measurements: { ...before?.measurements, [schedule]: await measure(folder) },
    suite: existsSync(stagesFile) ? (readJson(stagesFile) as Performance['suite']) : (before?.suite ?? []),
  };
  mkdirSync(join(root, 'reports'), { recursive: true });
  writeFileSync(target, `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(root, 'reports', 'performance.md'), performanceReport(report));
  console.log(performanceReport(report));
} finally {
  if (folder !== dist) rmSync(folder, { recursive: true, force: true });
}
