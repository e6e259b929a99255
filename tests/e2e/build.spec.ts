import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { initialScripts } from '../../scripts/initial-scripts.ts';
import { contentSecurityPolicy } from '../../scripts/security-headers.ts';
import { column, dist, grid, openSample, root, runSql, Session } from './browser-session.ts';
import { intrusionAttempts } from './intrusion-attempts.ts';

const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(html|js|css|json|webmanifest)$/.test(name));

describe('the build', () => {
  test('loads at most 90 kB of JavaScript, gzipped, before a model is asked for', () => {
    const scripts = initialScripts(dist);
    expect(scripts.length).toBeGreaterThan(0);
    const gzipped = scripts.reduce((sum, script) => sum + gzipSync(readFileSync(script), { level: 9 }).length, 0);
    expect(gzipped).toBeLessThanOrEqual(90_000);
  });

  test('carries the policy in the page, word for word', () => {
    const html = readFileSync(join(dist, 'index.html'), 'utf8').replaceAll('&#39;', "'");
    expect(html).toContain(`content="${contentSecurityPolicy([], 'meta')}"`);
    expect(contentSecurityPolicy([], 'header')).toMatchInlineSnapshot(
      `"default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'self'; img-src 'self' blob: data:; style-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html tabletalk-script-url"`,
    );
  });

  test('has no inline script and no absolute address of its own, and names no path of the machine it was built on', () => {
    const html = readFileSync(join(dist, 'index.html'), 'utf8');
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/);
    expect(html).not.toMatch(/(?:src|href)="\//);
    for (const name of files) expect(readFileSync(join(dist, name), 'utf8').includes(root), name).toBe(false);
  });

  test('keeps the page, SQLite and the samples for use offline, and leaves models out', () => {
    const serviceWorker = readFileSync(join(dist, 'offline.sw.js'), 'utf8');
    for (const name of ['index.html', 'databases/index.json', 'databases/bookshop.sqlite']) expect(serviceWorker).toContain(`"${name}"`);
    expect(serviceWorker).toMatch(/assets\/sql-wasm[\w-]*\.wasm/);
    expect(serviceWorker).not.toContain('models/');
    expect(existsSync(join(dist, 'manifest.webmanifest'))).toBe(true);
  });
});

test('the app works from a sub-path of a static host that sends no special headers', async () => {
  const session = await Session.start({ basePath: '/some/folder/', headers: {} });
  try {
    const { page } = session;
    await session.open();
    await openSample(page, /^Bookshop/);
    await page.getByRole('list', { name: 'Answer at once' }).getByRole('button').first().click();
    await grid(page).waitFor();
    // The policy in the page governs, and the worker inherits it.
    const nowhere = 'http://127.0.0.1:9/';
    const attempts = [await page.evaluate(intrusionAttempts, nowhere)];
    for (const worker of page.workers()) attempts.push(await worker.evaluate(intrusionAttempts, nowhere));
    expect(attempts).toHaveLength(2);
    for (const outcomes of attempts) expect(Object.values(outcomes)).not.toContain('done');
    expect(session.violations.filter((text) => text.includes(nowhere)).length).toBeGreaterThanOrEqual(2);
    expect(session.errors).toEqual([]);
  } finally {
    await session.end();
  }
});

test.each([
  ['the browser has no WebGPU', 'no-webgpu', /no WebGPU.*Chrome.*Safari.*Firefox/],
  ['there is no graphics card for it', 'no-adapter', /no graphics card.*hardware acceleration/],
] as const)('where %s the page says so and what to do, and everything else works', async (_what, fault, words) => {
  const session = await Session.start({
    without: ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
    arguments: ['--disable-gpu'],
  });
  try {
    const { page } = session;
    if (fault === 'no-webgpu') await session.context.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, 'gpu'));
    await session.open();
    await openSample(page, /^Bookshop/);
    const bar = page
      .getByRole('main')
      .locator('p', { hasText: /WebGPU/ })
      .first();
    await expect.poll(() => bar.textContent(), { timeout: 20_000 }).toMatch(words);
    await page.getByRole('list', { name: 'Answer at once' }).getByRole('button').first().click();
    await grid(page).waitFor();
    await runSql(page, 'SELECT 42');
    await expect.poll(() => column(page, 1)).toEqual(['42']);
    expect(session.violations).toEqual([]);
    expect(session.errors).toEqual([]);
  } finally {
    await session.end();
  }
});
