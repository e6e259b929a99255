/**
 * `npm run screenshot`: writes docs/screenshot.png, the real app with a real answer of the embedded student, from the built `dist/`.
 * Takes a minute or two on a machine without a graphics card.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { grid, openSample, question, Session } from '../tests/e2e/browser-session.ts';

const asked = process.argv[2] ?? 'What is the average price of the books in each genre?';
const target = join(resolve(import.meta.dirname, '..'), 'docs', 'screenshot.png');
mkdirSync(dirname(target), { recursive: true });

const session = await Session.start({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
try {
  const { page } = session;
  await session.open();
  await openSample(page, /^Bookshop/);
  await page.getByRole('button', { name: 'Download' }).click();
  await page.getByRole('button', { name: /Model ready/ }).waitFor({ timeout: 600_000 });
  await question(page).fill(asked);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: /^Stop/ }).waitFor();
  await page.getByRole('button', { name: 'Ask', exact: true }).waitFor({ timeout: 600_000 });
  await grid(page).waitFor();
  console.log(await page.getByTestId('sql').textContent());
  await page.mouse.move(0, 0);
  await page.screenshot({ path: target });
} finally {
  await session.end();
}
