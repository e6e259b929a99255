import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { column, dist, grid, openSample, runSql, Session } from './browser-session.ts';

let folder: string;
let session: Session;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tabletalk-dist-'));
  cpSync(dist, folder, { recursive: true, filter: (path) => !path.endsWith('models') });
  session = await Session.start({ root: folder });
});
afterAll(async () => {
  await session.end();
  rmSync(folder, { recursive: true, force: true });
});

test('a new version offers itself and never reloads a page by itself', async () => {
  const { page } = session;
  await session.open();
  await page.evaluate(() => navigator.serviceWorker.ready);
  await session.open();
  await openSample(page, /^Bookshop/);
  await page.evaluate(() => Object.assign(globalThis, { stillHere: true }));
  const index = join(folder, 'index.html');
  writeFileSync(index, readFileSync(index, 'utf8').replace('<title>Tabletalk', '<title>Tabletalk, next'));
  const serviceWorker = join(folder, 'offline.sw.js');
  const revised = readFileSync(serviceWorker, 'utf8').replace(
    /(index\.html"[^}]*revision:|revision:\s*)"[0-9a-f]{32}"/,
    '$1"00000000000000000000000000000001"',
  );
  writeFileSync(serviceWorker, revised);
  appendFileSync(serviceWorker, '\n// next version\n');
  await page.evaluate(async () => (await navigator.serviceWorker.ready).update());
  const offer = page.getByRole('status', { name: 'New version' });
  await offer.waitFor();
  await page.getByRole('list', { name: 'Answer at once' }).getByRole('button').first().click();
  await grid(page).waitFor();
  expect(await page.evaluate(() => 'stillHere' in globalThis)).toBe(true);

  // Another tab still uses the old version: it must not lose its files.
  const other = await session.context.newPage();
  await other.goto(session.url);
  await offer.getByRole('button', { name: 'Reload now' }).click();
  await expect.poll(() => offer.textContent()).toMatch(/Other tabs still use this version/);
  expect(await page.evaluate(() => 'stillHere' in globalThis)).toBe(true);
  await other.close();
});

test('with the server gone the page opens, samples open, and SQL runs', async () => {
  const { page } = session;
  await session.open();
  await page.evaluate(() => navigator.serviceWorker.ready);
  await session.stopServer();
  await session.open();
  await openSample(page, /^Films/);
  await page.getByRole('list', { name: 'Answer at once' }).getByRole('button').first().click();
  await grid(page).waitFor();
  await runSql(page, 'SELECT count(*) FROM sqlite_master');
  await grid(page).waitFor();
  expect((await column(page, 1)).length).toBe(1);
  expect(session.violations).toEqual([]);
  expect(session.foreign).toEqual([]);
});
