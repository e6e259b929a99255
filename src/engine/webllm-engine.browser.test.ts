import { cdp } from 'vitest/browser';
import { beforeAll, describe, expect, it } from 'vitest';
import { startWorker } from '../worker/start-worker.ts';
import { loadCatalogue, type CatalogueEntry } from './catalogue.ts';
import { detectSupport } from './device-support.ts';
import type { EngineError, Generation, LoadProgress, Prompt } from './engine.ts';
import workerUrl from './engine.worker.ts?worker&url';
import { deleteModel, listCachedModels } from './model-store.ts';
import { WebLlmEngine } from './webllm-engine.ts';

/**
 * The embedded student on software WebGPU. Each test goes on where the one before left off: a load takes 20 s or more here, so there
 * are as few as can be.
 */
const MINUTES = 60_000;
const prefix =
  '<|im_start|>system\nstadium(stadium_id, location, name, capacity)\nsinger(singer_id, name, country, age)\n' +
  'concert(concert_id, concert_name, theme, stadium_id, year)\nsinger_in_concert(concert_id, singer_id)<|im_end|>\n';
const ask = (question: string): Prompt => ({ prefix, suffix: `<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n` });
const question = ask('How many singers are there?');

let worker: Worker | undefined;
const lost: EngineError[] = [];
const engine = new WebLlmEngine({
  startWorker: () => (worker = startWorker(workerUrl, 'inference')),
  onLost: (error) => lost.push(error),
});
let model: CatalogueEntry;
/** What the student says to `question` when nothing is reused. */
let answer: Generation;

beforeAll(async () => {
  const catalogue = await loadCatalogue(new URL('/', location.href).href);
  const [first] = catalogue.ok ? catalogue.value : [];
  if (!first) throw new Error('no model in public/models');
  model = first;
});

async function generate(prompt: Prompt, maxTokens = 6, options: Parameters<WebLlmEngine['generate']>[1] = {}): Promise<Generation> {
  const result = await engine.generate({ prompt, maxTokens }, options);
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message} ${result.error.detail ?? ''}`);
  return result.value;
}

it('knows the adapter before it fetches anything, and says so if no model is loaded', async () => {
  expect(await detectSupport()).toMatchObject({ ok: true, value: { software: true } });
  expect(await engine.generate({ prompt: question, maxTokens: 1 })).toMatchObject({ ok: false, error: { code: 'not-loaded' } });
});

it('says so if the worker cannot be started, and does not hang', async () => {
  const broken = new WebLlmEngine({ startWorker: () => startWorker('/no-such-worker.js', 'inference') });
  expect(await broken.load(model)).toMatchObject({ ok: false, error: { code: 'crashed' } });
  expect(broken.loaded).toBe(false);
});

it('stops a load at once, while bytes are coming', async () => {
  const controller = new AbortController();
  const stopped = new WebLlmEngine();
  let began = 0;
  const onProgress = () => {
    began ||= performance.now();
    controller.abort();
  };
  expect(await stopped.load(model, { signal: controller.signal, onProgress })).toMatchObject({ ok: false, error: { code: 'aborted' } });
  expect(performance.now() - began).toBeLessThan(500);
  expect(stopped.loaded).toBe(false);
});

it('loads, telling phases and bytes', { timeout: 5 * MINUTES }, async () => {
  const progress: LoadProgress[] = [];
  expect(await engine.load(model, { onProgress: (step) => progress.push(step) })).toEqual({ ok: true, value: undefined });
  expect([...new Set(progress.map((step) => step.phase))]).toEqual(['download', 'verify', 'upload', 'compile', 'ready']);
  expect(engine.lastLoad).toMatchObject({ keptIn: 'cache', library: expect.stringMatching(/flat/) as string });
  expect(await listCachedModels()).toMatchObject([{ id: model.id, complete: true, bytes: expect.any(Number) as number }]);
});

it('says the same with the schema fed ahead, and begins sooner', { timeout: 5 * MINUTES }, async () => {
  const texts: string[] = [];
  answer = await generate(question, 6, { onText: (text) => texts.push(text) });
  expect(answer.reusedTokens).toBe(0);
  expect(answer.completionTokens).toBeGreaterThan(0);
  expect(texts.length).toBeGreaterThan(1);
  expect(texts.every((text, index) => text.startsWith(texts[index - 1] ?? ''))).toBe(true);

  // Another question in between, so that what is reused is the schema and no more.
  await generate(ask('Name all stadiums.'), 1);
  const primed = await engine.prime(prefix);
  expect(primed.ok).toBe(true);
  const again = await generate(question);
  expect(again.text).toBe(answer.text);
  expect(again.reusedTokens).toBe(again.prefixTokens);
  const ratio = answer.prefillMs / again.prefillMs;
  console.info(
    `time to first token: ${answer.prefillMs.toFixed(0)} ms, with the schema fed ahead ${again.prefillMs.toFixed(0)} ms, ratio ${ratio.toFixed(1)}`,
  );
  expect(ratio).toBeGreaterThan(1.5);
});

it('holds the answer to the names that it is given, whatever the prompt shows', { timeout: 3 * MINUTES }, async () => {
  // The prompt speaks of `singer`.
  const names = { tables: { singers: ['singer_id', 'name'] }, keys: [] };
  const held = await engine.generate({ prompt: question, maxTokens: 16, names });
  expect(held).toMatchObject({ ok: true, value: { text: expect.stringMatching(/^SELECT .* FROM singers\b/) as string } });
  expect(held.ok && held.value.steeredTokens).toBeGreaterThan(0);
  expect(answer.steeredTokens).toBe(0);
});

it('refuses what does not fit, and a second question at the same time', { timeout: 2 * MINUTES }, async () => {
  const long = { prefix: 'table '.repeat(model.contextWindow), suffix: '' };
  expect(await engine.generate({ prompt: long, maxTokens: 1 })).toMatchObject({ ok: false, error: { code: 'prompt-too-long' } });
  const first = engine.generate({ prompt: question, maxTokens: 1 });
  expect(await engine.generate({ prompt: question, maxTokens: 1 })).toMatchObject({ ok: false, error: { code: 'busy' } });
  expect((await first).ok).toBe(true);
});

it('stops in a prefill at once and answers the next question with the same worker', { timeout: 3 * MINUTES }, async () => {
  const before = worker;
  const controller = new AbortController();
  const pending = engine.generate(
    { prompt: { prefix: `<|im_start|>system\n${prefix}${prefix}`, suffix: question.suffix }, maxTokens: 1 },
    { signal: controller.signal },
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
  const began = performance.now();
  controller.abort();
  expect(await pending).toMatchObject({ ok: false, error: { code: 'aborted' } });
  expect(performance.now() - began).toBeLessThan(500);
  expect((await generate(question)).text).toBe(answer.text);
  expect(worker).toBe(before);
});

describe('when things die', () => {
  it(
    'a killed worker settles what is pending; the next question heals a damaged file and is answered',
    { timeout: 5 * MINUTES },
    async () => {
      const shard = model.files['params_shard_0.bin'];
      const key = `https://tabletalk.invalid/sha256/${shard?.sha256 ?? ''}`;
      const cache = await caches.open('tabletalk-models');
      const bytes = new Uint8Array((await (await cache.match(key))?.arrayBuffer()) ?? new ArrayBuffer());
      bytes[1000] = (bytes[1000] ?? 0) ^ 1;
      await cache.put(key, new Response(bytes));

      let died = 0;
      const pending = engine.generate(
        { prompt: question, maxTokens: 40 },
        {
          onText: () => {
            died ||= performance.now();
            worker?.terminate();
          },
        },
      );
      expect(await pending).toMatchObject({ ok: false, error: { code: 'crashed' } });
      expect(performance.now() - died).toBeLessThan(1000);
      expect(lost.map((error) => error.code)).toEqual(['crashed']);

      performance.clearResourceTimings();
      expect((await generate(question)).text).toBe(answer.text);
    },
  );

  it('a crash of the GPU process is told within two seconds, and a reload works', { timeout: 5 * MINUTES }, async () => {
    lost.length = 0;
    let began = 0;
    const pending = engine.generate(
      { prompt: question, maxTokens: 40 },
      {
        onText: () => {
          if (began > 0) return;
          began = performance.now();
          // The answer to this never comes: the process that would give it is gone.
          void (cdp() as unknown as { send(method: string): Promise<unknown> }).send('Browser.crashGpuProcess').catch(() => undefined);
        },
      },
    );
    expect(await pending).toMatchObject({ ok: false, error: { code: 'device-lost' } });
    expect(performance.now() - began).toBeLessThan(2000);
    expect(lost.map((error) => error.code)).toEqual(['device-lost']);
    expect(await engine.load(model)).toEqual({ ok: true, value: undefined });
    expect((await generate(question)).text).toBe(answer.text);
  });

  it('deleting gives the room back', async () => {
    await engine.unload();
    const removed = await deleteModel(model.id);
    expect(removed.ok && removed.value.freedBytes).toBeGreaterThan(1_000_000);
    expect(await listCachedModels()).toEqual([]);
  });
});
