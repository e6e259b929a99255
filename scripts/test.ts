/**
 * `npm test`: everything, in order, with the time of each stage; ends with one line that adds all runners up. A stage that fails does
 * not keep the next from running (but for the build, without which there is no end-to-end test). Names as arguments run only those
 * stages: `npm test -- unit e2e`.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findOrInstallChromium } from './find-chromium.ts';
import { countPytest, countVitest, summaryLine, type Count } from './test-counts.ts';

const root = resolve(import.meta.dirname, '..');
const reports = join(root, '.cache', 'test');

interface Stage {
  readonly name: string;
  readonly command: readonly string[];
  readonly runner: 'check' | 'vitest' | 'pytest';
  /** Not run where this file is missing. */
  readonly needs?: string;
  /** Not run where one of these stages failed. */
  readonly after?: string;
}

const vitest = (name: string, project: string): Stage => ({
  name,
  runner: 'vitest',
  command: [
    'npx',
    'vitest',
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=.cache/test/${name}.json`,
  ],
});

const stages: readonly Stage[] = [
  { name: 'lint', runner: 'check', command: ['npm', 'run', '--silent', 'lint'] },
  { name: 'types', runner: 'check', command: ['npm', 'run', '--silent', 'check'] },
  vitest('unit', 'node'),
  vitest('component', 'browser'),
  { name: 'build', runner: 'check', command: ['npm', 'run', '--silent', 'build'] },
  { ...vitest('end-to-end', 'e2e'), after: 'build' },
  { name: 'model-build', runner: 'pytest', command: ['bash', 'model-build/test.sh'], needs: 'model-build/test.sh' },
  { name: 'training', runner: 'pytest', command: ['bash', 'training/test.sh'], needs: 'training/test.sh' },
];

interface Ran {
  readonly name: string;
  readonly count: Count;
  readonly seconds: number;
}

/** Runs a command with its output on screen, and returns its exit code and what it printed. */
function run(command: readonly string[]): Promise<{ code: number; output: string }> {
  const [program = '', ...rest] = command;
  return new Promise((done, fail) => {
    const child = spawn(program, rest, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      process.stdout.write(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      process.stderr.write(chunk);
    });
    child.once('error', fail);
    child.once('close', (code) => done({ code: code ?? 1, output }));
  });
}

async function runStage(stage: Stage): Promise<Ran> {
  console.log(`\n── ${stage.name} ${'─'.repeat(Math.max(0, 70 - stage.name.length))}`);
  const began = performance.now();
  const { code, output } = await run(stage.command);
  const seconds = (performance.now() - began) / 1000;
  return { name: stage.name, count: count(stage, code, output), seconds };
}

function count(stage: Stage, code: number, output: string): Count {
  const report = join(reports, `${stage.name}.json`);
  if (stage.runner === 'vitest' && existsSync(report)) return countVitest(readFileSync(report, 'utf8'), code);
  if (stage.runner === 'pytest') return countPytest(output, code);
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

rmSync(reports, { recursive: true, force: true });
mkdirSync(reports, { recursive: true });
// Found (or installed) once; every stage after this sees the same browser.
process.env.CHROME_PATH = findOrInstallChromium();

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !stages.some((stage) => stage.name === name));
if (unknown.length > 0)
  throw new Error(`No stage is called ${unknown.join(', ')}; there are ${stages.map((stage) => stage.name).join(', ')}.`);

const ran: Ran[] = [];
for (const stage of stages) {
  if (wanted.length > 0 && !wanted.includes(stage.name)) continue;
  if (stage.needs !== undefined && !existsSync(join(root, stage.needs))) {
    console.log(`\n── ${stage.name}: left out, there is no ${stage.needs}`);
    continue;
  }
  const before = ran.find(({ name }) => name === stage.after);
  if (before && before.count.failed > 0) ran.push({ name: stage.name, count: { passed: 0, failed: 1, skipped: 0 }, seconds: 0 });
  else ran.push(await runStage(stage));
}

console.log(`\n── summary ${'─'.repeat(63)}`);
for (const { name, count, seconds } of ran) {
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
  console.log(`${name.padEnd(14)}${`${seconds.toFixed(1)} s`.padStart(10)}   ${count.passed} passed, ${count.failed} failed${skipped}`);
}
writeFileSync(join(reports, 'stages.json'), JSON.stringify(ran, null, 2));
const summary = summaryLine(ran.map(({ count }) => count));
writeFileSync(join(reports, 'summary.txt'), `${summary}\n`);
console.log(`\n${summary}`);
if (ran.some(({ count }) => count.failed > 0)) process.exitCode = 1;
