import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { column, concertSinger, dist, drop, grid, openSample, question, Session, startForeignHost } from './browser-session.ts';
import { intrusionAttempts } from './intrusion-attempts.ts';

/**
 * The real embedded student on software WebGPU, in one browser profile: each test goes on where the one before left off, so that the
 * model is downloaded once and compiled as few times as can be.
 */
let session: Session;

beforeAll(async () => {
  expect(existsSync(join(dist, 'models/index.json')), 'the build has no model: public/models/index.json is missing').toBe(true);
  session = await Session.start();
  await session.open();
});
afterAll(() => session.end());
afterEach(() => {
  expect(session.foreign, 'requests to other origins').toEqual([]);
  expect(session.violations, 'policy and Trusted Types reports').toEqual([]);
  expect(session.errors, 'uncaught errors').toEqual([]);
  session.forget();
});

/** Waits for the answer and returns its SQL. Rows, or the sentence that there are none, must be there. */
async function answerSql(): Promise<string> {
  const { page } = session;
  await page.getByRole('button', { name: 'Ask', exact: true }).waitFor({ timeout: 150_000 });
  const problem = page.getByRole('alert');
  expect(await problem.isVisible().then((seen) => (seen ? problem.textContent() : ''))).toBe('');
  await grid(page).waitFor();
  return (await page.getByTestId('sql').textContent()) ?? '';
}

test('download, ask a sample database in English, watch the SQL being written, see rows', { timeout: 400_000 }, async () => {
  const { page } = session;
  await openSample(page, /^Bookshop/);
  await page.getByRole('button', { name: 'Download' }).click();
  await page.getByText(/Downloading: [\d.]+ .?B of \d+ MB/).waitFor();
  await page.getByRole('button', { name: /Model ready/ }).waitFor({ timeout: 240_000 });
  await question(page).fill('How many orders were cancelled?');
  await page.keyboard.press('Enter');
  const seen: number[] = [];
  const asking = page.getByRole('button', { name: /^Stop/ });
  await asking.waitFor();
  while (await asking.isVisible()) {
    const written = page.getByTestId('sql');
    const length = (await written.isVisible()) ? ((await written.textContent())?.length ?? 0) : 0;
    if (length > 0 && length !== seen.at(-1)) seen.push(length);
    await page.waitForTimeout(150);
  }
  const sql = await answerSql();
  expect(sql).toMatch(/^\s*SELECT/i);
  expect(seen.length, 'how often the SQL was seen to grow').toBeGreaterThan(2);
  expect((await column(page, 1)).length).toBeGreaterThan(0);
  await page.getByText('How I got this').click();
  await expect.poll(() => page.getByText(/tokens read, [1-9]\d* of them ahead of your question/).isVisible()).toBe(true);
  expect(await page.getByLabel('Prompt').textContent()).toContain('How many orders were cancelled?');
});

test('the inference worker cannot reach another host nor run text', async () => {
  const { page } = session;
  const host = await startForeignHost();
  try {
    await fetch(`${host.url}reachable`);
    const workers = page.workers();
    expect(workers.length).toBeGreaterThanOrEqual(2);
    for (const worker of workers) {
      const outcomes = await worker.evaluate(intrusionAttempts, host.url);
      expect(Object.values(outcomes)).not.toContain('done');
    }
    // Only the visit that shows that the host can be reached.
    expect(host.visits).toEqual(['/reachable']);
  } finally {
    host.close();
    session.forget();
  }
});

test('drop in a Spider database and ask', { timeout: 240_000 }, async () => {
  const { page } = session;
  await drop(page, 'concert_singer.sqlite', readFileSync(concertSinger));
  await page.getByText('Ask about concert_singer.sqlite').first().waitFor();
  await question(page).fill('How many singers do we have?');
  await page.keyboard.press('Enter');
  expect(await answerSql()).toMatch(/^\s*SELECT/i);
  expect((await column(page, 1)).length).toBeGreaterThan(0);
});

test('stop while the question is read, and ask again', { timeout: 300_000 }, async () => {
  const { page } = session;
  await question(page).fill('What are the names of all stadiums?');
  await page.keyboard.press('Enter');
  await page.getByText('Writing SQL').waitFor();
  const began = Date.now();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Ask', exact: true }).waitFor();
  expect(Date.now() - began).toBeLessThan(2_000);
  await expect.poll(() => page.getByText('Stopped.').first().isVisible()).toBe(true);
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  expect(await answerSql()).toMatch(/^\s*SELECT/i);
});

test('with the server gone: reload, ask, see rows', { timeout: 400_000 }, async () => {
  const { page } = session;
  await page.evaluate(() => navigator.serviceWorker.ready);
  await session.stopServer();
  await session.open();
  await openSample(page, /^Bookshop/);
  await page.getByRole('button', { name: /Model ready/ }).waitFor({ timeout: 240_000 });
  await question(page).fill('How many orders were cancelled?');
  await page.keyboard.press('Enter');
  expect(await answerSql()).toMatch(/^\s*SELECT/i);
  expect((await column(page, 1)).length).toBeGreaterThan(0);
});
