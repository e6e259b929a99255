import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { contentSecurityPolicy, securityHeaders } from '../../scripts/security-headers.ts';
import { dist, openSample, root, Session } from './browser-session.ts';
import { seriousFindings } from './serious-findings.ts';

/** The embedded student under another name, as a folder that someone brings on a stick. */
const scratch = mkdtempSync(join(tmpdir(), 'tabletalk-catalogue-'));
const folder = join(scratch, 'student-from-a-stick');
const title = 'Student from a stick';
/** Its name under public/models. */
let embedded = '';
let session: Session;

beforeAll(async () => {
  const models = join(root, 'public/models');
  const [student] = readdirSync(models, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  if (!student) throw new Error('public/models has no model');
  embedded = student.name;
  cpSync(join(models, embedded), folder, { recursive: true });
  const card = JSON.parse(readFileSync(join(folder, 'model-card.json'), 'utf8')) as object;
  writeFileSync(join(folder, 'model-card.json'), JSON.stringify({ ...card, id: 'student-from-a-stick', title }));
  session = await Session.start();
});
afterAll(async () => {
  await session.end();
  rmSync(scratch, { recursive: true, force: true });
});
beforeEach(async () => {
  session.forget();
  await session.page.setViewportSize({ width: 1280, height: 860 });
  await session.open();
});
afterEach(() => {
  expect(session.foreign, 'requests to other origins').toEqual([]);
  expect(session.violations, 'policy and Trusted Types reports').toEqual([]);
  expect(session.errors, 'uncaught errors').toEqual([]);
});

async function openModels(page: Page): Promise<Locator> {
  await page.getByRole('button', { name: /Settings/ }).click();
  await page.getByRole('button', { name: /^Models/ }).click();
  const dialog = page.getByRole('dialog', { name: 'Models' });
  await dialog.getByText(/^This device:/).waitFor();
  return dialog;
}

function row(dialog: Locator, name: string): Locator {
  return dialog.getByRole('listitem').filter({ hasText: name });
}

async function importFolder(dialog: Locator): Promise<void> {
  await dialog.getByLabel('Model folder', { exact: true }).setInputFiles(folder);
}

test('each model says what it takes, how far it is known and measured, and whether it runs here, before anything is fetched', async () => {
  const dialog = await openModels(session.page);
  const first = dialog.getByRole('list', { name: 'With this page' }).getByRole('listitem').first();
  expect(await first.textContent()).toMatch(
    /Verified.*MB to download.*MB of memory.*Apache-2\.0.*(Right: \d|not measured).*can run it on the processor, slowly/s,
  );
  const hub = dialog.getByRole('list', { name: 'Public models', exact: true });
  expect(await row(hub, '0.5B Instruct (4 bits, 32-bit arithmetic)').textContent()).toMatch(
    /Not known to us.*About 321 MB to download.*1\.1 GB of memory.*Apache-2\.0.*accuracy not measured/s,
  );
  // SwiftShader has no shader-f16.
  await dialog.getByText(/models that this device cannot run, and why/).click();
  const unfit = dialog.getByRole('list', { name: 'Public models that this device cannot run' });
  const words = await row(unfit, '3B Instruct (4 bits, 16-bit arithmetic)').textContent();
  expect(words).toMatch(/not for commercial use.*Not on this device\..*16-bit shader arithmetic \(shader-f16\).*computes in 32 bits/s);
  expect(await unfit.getByRole('button').count()).toBe(0);
});

test('a folder from disk is imported, marked as such, loads from this browser, and can be deleted', async () => {
  const { page } = session;
  await importFolder(await openModels(page));
  await page.getByText(`“${title}” was imported`).waitFor({ timeout: 60_000 });
  await session.open();
  const dialog = await openModels(page);
  const imported = row(dialog.getByRole('list', { name: 'Added in this browser' }), title);
  expect(await imported.textContent()).toMatch(/Imported.*its card says.*Kept in this browser: \d+ MB/s);
  await imported.getByRole('button', { name: `Use ${title}` }).click();
  // Its files were verified and reach the graphics device: what follows is as for the embedded one.
  await imported.getByText(/Reading|Preparing the graphics card/).waitFor({ timeout: 60_000 });
  await imported.getByRole('button', { name: 'Cancel' }).click();
  await imported.getByRole('button', { name: `Delete ${title}` }).click();
  await dialog.getByText(/was deleted; \d+ MB are free again/).waitFor();
  await expect.poll(() => imported.count()).toBe(0);
});

test('a damaged copy is refused by the name of the file, and nothing of it is kept', async () => {
  const shard = join(folder, 'params_shard_1.bin');
  const bytes = readFileSync(shard);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(shard, bytes);
  const { page } = session;
  const dialog = await openModels(page);
  await importFolder(dialog);
  await expect
    .poll(() => dialog.getByRole('alert').textContent(), { timeout: 60_000 })
    .toContain('params_shard_1.bin is not the file that the card describes');
  await expect.poll(() => page.evaluate(async () => (await (await caches.open('tabletalk-models')).keys()).length)).toBe(0);
  expect(await row(dialog, title).count()).toBe(0);
});

test('a host that the build did not allow is named, and not asked', async () => {
  const { page } = session;
  const dialog = await openModels(page);
  const hub = dialog.getByRole('region', { name: 'Public models' });
  expect(await hub.textContent()).toMatch(/may not fetch from huggingface\.co or raw\.githubusercontent\.com.*TABLETALK_MODEL_HOSTS/s);
  expect(await hub.getByRole('button', { name: /Download/ }).count()).toBe(0);
  await dialog.getByLabel(/^A model folder on any host/).fill('https://models.example.org/some-model/');
  await page.keyboard.press('Enter');
  await expect.poll(() => dialog.getByRole('alert').textContent()).toMatch(/may not fetch from models\.example\.org.*Import/s);
  // The page's own host is allowed.
  await dialog.getByLabel(/^A model folder on any host/).fill(new URL(`models/${embedded}`, session.url).href);
  await page.keyboard.press('Enter');
  await dialog.getByText(/^That is “.*”, which comes with this page\./).waitFor();
  await dialog.getByLabel(/^A model folder on any host/).fill(new URL('models/nothing', session.url).href);
  await page.keyboard.press('Enter');
  await expect.poll(() => dialog.getByRole('alert').textContent()).toMatch(/No model card could be read from/);
});

test.each(['light', 'dark'] as const)(
  'the list is reached from the bar by keyboard, axe finds nothing serious, and a phone shows all of it (%s)',
  async (scheme) => {
    const { page } = session;
    await page.emulateMedia({ colorScheme: scheme });
    await openSample(page, /^Bookshop/);
    const choose = page.getByRole('button', { name: 'Choose another' });
    await choose.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Models' });
    await dialog.getByText(/^This device:/).waitFor();
    await dialog.getByText(/models that this device cannot run, and why/).click();
    expect(await seriousFindings(session, 'models')).toEqual([]);
    await page.setViewportSize({ width: 375, height: 740 });
    expect(await dialog.evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  },
);

test('where a hub is allowed but cannot be reached, the sentence names the file and the other way', async () => {
  const hosts = ['https://huggingface.co', 'https://raw.githubusercontent.com'];
  const other = join(scratch, 'dist');
  cpSync(dist, other, { recursive: true, filter: (path) => !path.includes('models/') });
  const html = readFileSync(join(dist, 'index.html'), 'utf8');
  writeFileSync(
    join(other, 'index.html'),
    html.replaceAll('&#39;', "'").replace(contentSecurityPolicy([], 'meta'), contentSecurityPolicy(hosts, 'meta')),
  );
  const allowed = await Session.start({ root: other, headers: securityHeaders(hosts) });
  try {
    await allowed.open();
    const dialog = await openModels(allowed.page);
    const name = 'Qwen2.5-Coder 0.5B Instruct (4 bits, 32-bit arithmetic)';
    await row(dialog, name)
      .getByRole('button', { name: `Download ${name}` })
      .click();
    await expect
      .poll(() => dialog.getByRole('alert').textContent(), { timeout: 60_000 })
      .toMatch(/mlc-chat-config\.json could not be downloaded.*import a model folder from disk/s);
    expect([...new Set(allowed.foreign.map((url) => new URL(url).host))]).toEqual(['huggingface.co']);
    expect(allowed.violations).toEqual([]);
  } finally {
    await allowed.end();
  }
});
