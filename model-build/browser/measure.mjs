/**
 * Prefill and decode speed of each library that the software adapter can run, with WebLLM in headless Chromium:
 *
 *   npx tsx model-build/browser/measure.mjs FOLDER [OUT.json] [--only gpu|barrier-free]
 *
 * CPU seconds are the browser's GPU process's own: wall times on a shared machine vary by a factor. The stock schedule takes minutes.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import path from 'node:path';
import process from 'node:process';

const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1] : undefined;
const [folder, out = 'reports/model-build-speed.json'] = process.argv.slice(2).filter((word) => word !== '--only' && word !== only);
if (!folder || !existsSync(path.join(folder, 'model-card.json'))) {
  console.error('measure.mjs: give a model folder (one with a model-card.json).');
  process.exit(2);
}
const card = JSON.parse(readFileSync(path.join(folder, 'model-card.json'), 'utf8'));
const results = existsSync(out) ? JSON.parse(readFileSync(out, 'utf8')).results : {};
for (const library of card.libraries) {
  if (library.computeType !== 'f32' || (only && library.schedule !== only)) continue; // SwiftShader has no shader-f16
  const tasks =
    library.schedule === 'gpu'
      ? [{ kind: 'speed', prompt: 16, decode: 1 }]
      : [
          { kind: 'speed', prompt: 16, decode: 4 },
          { kind: 'speed', prompt: 64, decode: 8 },
        ];
  const ran = spawnSync('npx', ['tsx', path.join(import.meta.dirname, 'run.mjs'), folder, library.file], {
    input: JSON.stringify(tasks),
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (ran.status !== 0) throw new Error(ran.stderr);
  const { load, answers } = JSON.parse(ran.stdout);
  const compileMs = load.phases.at(-1).ms - (load.phases.find(({ phase }) => phase.includes('shader'))?.ms ?? 0);
  results[library.schedule] = { file: library.file, loadMs: load.ms, shaderCompileMs: compileMs, speeds: answers };
}
const machine = { processors: cpus().length, model: cpus()[0]?.model, loadAverage: loadavg()[0] };
const command = `npx tsx model-build/browser/measure.mjs public/models/${card.id}`;
writeFileSync(out, `${JSON.stringify({ command, adapter: 'SwiftShader', machine, results }, null, 2)}\n`);
console.log(JSON.stringify(results, null, 2));
