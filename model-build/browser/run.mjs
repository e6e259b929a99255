/**
 * Loads a model library with WebLLM in headless Chromium on the software WebGPU adapter, runs tasks on it (page.js) and prints JSON.
 *
 *   npx tsx model-build/browser/run.mjs FOLDER LIBRARY < tasks.json > answers.json
 *
 * tasks.json is a list of tasks; the answer is {load, answers}. PROFILE=1 adds times per kernel to speed tasks, LOG=1 shows the page's console.
 */
import { createServer } from 'node:http';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { chromium } from 'playwright-core';
import { browserArguments, findChromium } from '../../scripts/find-chromium.ts';

const [folder, library] = process.argv.slice(2);
if (!folder || !library || !existsSync(path.join(folder, library))) {
  console.error('run.mjs: give a model folder and the name of a library in it.');
  process.exit(2);
}
const browserPath = findChromium();
if (!browserPath) {
  console.error('run.mjs: no Chrome or Chromium found; install one (Debian: apt-get install chromium).');
  process.exit(2);
}
const webllm = path.dirname(createRequire(import.meta.url).resolve('@mlc-ai/web-llm'));
const types = { '.html': 'text/html', '.js': 'text/javascript', '.json': 'application/json', '.wasm': 'application/wasm' };

function fileFor(url) {
  if (url === '/') return path.join(import.meta.dirname, 'page.html');
  if (url.startsWith('/webllm/')) return path.join(webllm, path.normalize(url.slice('/webllm'.length)));
  // WebLLM asks for <model>/resolve/main/<file>.
  if (url.startsWith('/model/')) return path.join(folder, path.normalize(url.replace('/model', '').replace('/resolve/main', '')));
  return path.join(import.meta.dirname, path.normalize(url));
}

const server = createServer((request, response) => {
  const file = fileFor(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname));
  if (!existsSync(file) || !statSync(file).isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    'content-type': types[path.extname(file)] ?? 'application/octet-stream',
    'content-length': statSync(file).size,
    'cache-control': 'no-store',
  });
  createReadStream(file).pipe(response);
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const base = `http://127.0.0.1:${server.address().port}`;

const launched = await chromium.launchServer({ executablePath: browserPath, headless: true, args: [...browserArguments] });
const browser = await chromium.connect(launched.wsEndpoint());

/** CPU seconds of this browser's GPU process (Linux): the honest measure of a software GPU on a shared machine. */
function gpuSeconds() {
  const parents = new Map();
  let gpu;
  let list;
  try {
    list = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return NaN; // no /proc on this system
  }
  for (const id of list) {
    try {
      parents.set(id, readFileSync(`/proc/${id}/stat`, 'utf8').split(') ')[1].split(' ')[1]);
      if (readFileSync(`/proc/${id}/cmdline`, 'utf8').includes('--type=gpu-process')) (gpu ??= []).push(id);
    } catch {
      // It ended meanwhile.
    }
  }
  const own = (id) => id === String(launched.process().pid) || (parents.has(id) && own(parents.get(id)));
  const id = gpu?.find(own);
  if (id === undefined) return NaN;
  const fields = readFileSync(`/proc/${id}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

try {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  page.on('console', (message) => {
    if (process.env.LOG || message.type() === 'error') console.error(`[page] ${message.type()} ${message.text().slice(0, 700)}`);
  });
  page.on('pageerror', (error) => console.error(`[page] ${String(error).slice(0, 700)}`));
  await page.exposeFunction('gpuSeconds', gpuSeconds);
  if (process.env.PROFILE) await page.addInitScript({ path: path.join(import.meta.dirname, 'profile.js') });
  await page.goto(`${base}/`);
  await page.waitForFunction('window.ready');
  const load = await page.evaluate((what) => window.load(what), { model: `${base}/model/`, library: `${base}/model/${library}` });
  const answers = [];
  for (const task of JSON.parse(readFileSync(0, 'utf8'))) answers.push(await page.evaluate((t) => window.runTask(t), task));
  console.log(JSON.stringify({ load: { ...load, cpuSeconds: undefined }, answers }));
} catch (error) {
  console.error(error instanceof Error ? error.stack : error);
  process.exitCode = 1;
} finally {
  await browser.close();
  await launched.close();
  server.closeAllConnections();
  server.close();
}
