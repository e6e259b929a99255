import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findChromium } from './find-chromium.ts';

const folder = mkdtempSync(join(tmpdir(), 'find-chromium-'));
const program = join(folder, 'google-chrome');
writeFileSync(program, '');
chmodSync(program, 0o755);
writeFileSync(join(folder, 'chromium'), 'not executable');

test('a browser on the PATH is found, a file that cannot be run is not', () => {
  expect(findChromium({ PATH: folder })).toBe(program);
});

test('CHROME_PATH decides, also against the PATH', () => {
  expect(findChromium({ PATH: '', CHROME_PATH: program })).toBe(program);
  expect(findChromium({ PATH: folder, CHROME_PATH: join(folder, 'missing') })).toBeUndefined();
});
