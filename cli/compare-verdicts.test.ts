import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'verdicts-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function verdicts(name: string, exec: readonly (0 | 1 | null)[]): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, exec.map((one, index) => `${JSON.stringify({ index, db_id: 'pets', exec: one })}\n`).join(''));
  return file;
}

const compare = (before: string, after: string) => run('npx', ['tsx', 'cli/compare-verdicts.ts', '--before', before, '--after', after]);

test('two files of verdicts are compared question by question, without what could not be scored', { timeout: 60_000 }, async () => {
  const before = await verdicts('before', [0, 0, 0, 0, 0, 0, 1, 1, null, 0]);
  const after = await verdicts('after', [1, 1, 1, 1, 1, 1, 1, 0, 1, null]);
  const { stdout } = await compare(before, after);
  const line = JSON.parse(stdout) as Record<string, unknown>;
  expect(line).toMatchObject({ n: 8, before: 2, after: 7, difference_points: 62.5, only_after: 6, only_before: 1, p: 0.125 });
});

test('files of different questions are refused in a sentence', { timeout: 60_000 }, async () => {
  const [one, other] = [await verdicts('one', [1, 0]), await verdicts('other', [1, 0, 1])];
  await expect(compare(one, other)).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(/^Question 2 is in one/u) as unknown });
});
