import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadCatalogue, readLinkedModel } from './catalogue.ts';
import { parseModelCard, requiredFiles, type CatalogueEntry } from './model-card.ts';

const some = { bytes: 10, sha256: 'a'.repeat(64) };
const card = {
  id: 'small',
  base: 'SmolLM2-135M-Instruct',
  licence: 'Apache-2.0',
  contextWindow: 2048,
  promptStyle: 'compact',
  recipe: { anything: 'else' },
  libraries: [
    { file: 'small-webgpu-f32.wasm', computeType: 'f32', schedule: 'gpu' },
    { file: 'small-webgpu-f32-flat.wasm', computeType: 'f32', schedule: 'barrier-free' },
  ],
  files: {
    'params_shard_10.bin': some,
    'params_shard_2.bin': some,
    'params_shard_0.bin': some,
    'mlc-chat-config.json': some,
    'tensor-cache.json': some,
    'tokenizer.json': some,
    'tokenizer_config.json': some,
    'small-webgpu-f32.wasm': { ...some, bytes: 7 },
    'small-webgpu-f32-flat.wasm': { ...some, bytes: 9 },
  },
};
const url = 'https://example.org/app/models/small/';

function bytesOf(value: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
}

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function parse(value: unknown) {
  const bytes = bytesOf(value);
  return parseModelCard(bytes, { url, cardSha256: hash(bytes) });
}

async function entryOf(value: unknown): Promise<CatalogueEntry> {
  const parsed = await parse(value);
  if (!parsed.ok) throw new Error(parsed.error.detail);
  return parsed.value;
}

describe('parseModelCard', () => {
  it('reads a card and says what one library needs to download', async () => {
    const entry = await entryOf(card);
    expect(entry).toMatchObject({ id: 'small', title: 'small', url, promptStyle: 'compact', contextWindow: 2048 });
    // six other files of 10 bytes and the larger library; tokenizer_config.json is not read by the engine
    expect(entry.sizeBytes).toBe(69);
  });

  it('says how well it was measured to answer, and nothing where nothing was measured', async () => {
    const measured = { benchmark: 'Spider dev', executionMatch: 0.53, questions: 100, engine: 'as deployed' };
    expect((await entryOf({ ...card, measuredAccuracy: measured })).measuredAccuracy).toEqual({
      benchmark: 'Spider dev',
      executionMatch: 0.53,
      questions: 100,
    });
    expect((await entryOf({ ...card, measuredAccuracy: null })).measuredAccuracy).toBeNull();
    expect((await entryOf({ ...card, measuredAccuracy: 'very good' })).measuredAccuracy).toBeNull();
  });

  it('estimates memory and the largest buffer from the architecture, where the card has it', async () => {
    const architecture = {
      vocab_size: 1000,
      hidden_size: 64,
      intermediate_size: 128,
      num_hidden_layers: 2,
      num_key_value_heads: 1,
      head_dim: 32,
    };
    // three shards of 10 bytes; keys and values of 2,048 tokens, 2 layers, 32 numbers each, 4 bytes a number
    expect(await entryOf({ ...card, architecture, quantization: { embeddingBits: 8 } })).toMatchObject({
      memoryBytes: 30 + 2 * 2 * 32 * 2048 * 4,
      largestBufferBytes: 64_000,
    });
    expect(await entryOf(card)).toMatchObject({ memoryBytes: null, largestBufferBytes: null });
  });

  it('gives a model from elsewhere an id of its own, so that it cannot take the place of a published one', async () => {
    const parsed = await parseModelCard(bytesOf(card), { url, origin: 'imported' });
    expect(parsed).toMatchObject({ ok: true, value: { id: 'imported.small', title: 'small', origin: 'imported' } });
  });

  it('asks for small files first, then the shards by number, and for one library only', async () => {
    const entry = await entryOf(card);
    expect(requiredFiles(entry, { file: 'small-webgpu-f32.wasm', computeType: 'f32', schedule: 'gpu' }).map((file) => file.name)).toEqual([
      'mlc-chat-config.json',
      'tensor-cache.json',
      'tokenizer.json',
      'small-webgpu-f32.wasm',
      'params_shard_0.bin',
      'params_shard_2.bin',
      'params_shard_10.bin',
    ]);
  });

  it('refuses a card that is not the pinned one', async () => {
    const refused = await parseModelCard(bytesOf(card), { url, cardSha256: 'b'.repeat(64) });
    expect(refused).toMatchObject({ ok: false, error: { code: 'wrong-hash' } });
  });

  it.each([
    ['no JSON', '<html>'],
    ['a file outside the folder', { ...card, files: { ...card.files, '../evil.bin': some } }],
    ['a hash that is none', { ...card, files: { ...card.files, 'tokenizer.json': { bytes: 1, sha256: 'short' } } }],
    ['a missing tokenizer', { ...card, files: { ...card.files, 'tokenizer.json': undefined } }],
    ['a library that is not listed', { ...card, libraries: [{ file: 'other.wasm', computeType: 'f32', schedule: 'gpu' }] }],
    ['no library', { ...card, libraries: [] }],
    ['a schema budget of nothing', { ...card, schemaBudget: 0 }],
    ['an unknown prompt style', { ...card, promptStyle: 'poem' }],
    ['a negative size', { ...card, files: { ...card.files, 'tokenizer.json': { ...some, bytes: -1 } } }],
  ])('refuses %s, with the place in the detail', async (_what, bad) => {
    const parsed = await parse(bad);
    expect(parsed).toMatchObject({ ok: false, error: { code: 'wrong-hash' } });
    if (!parsed.ok) expect(parsed.error.detail).toContain('model-card.json');
  });
});

describe('loadCatalogue', () => {
  const index = (cardSha256: string) => ({ version: 1, models: [{ folder: 'small', cardSha256, title: 'Small one' }] });
  const site =
    (files: Record<string, unknown>): typeof fetch =>
    (input) => {
      const body = files[input instanceof Request ? input.url : String(input)];
      return Promise.resolve(body === undefined ? new Response('no', { status: 404 }) : new Response(bytesOf(body)));
    };
  const cardUrl = `${url}model-card.json`;
  const indexUrl = 'https://example.org/app/models/index.json';
  const cached = () => Promise.resolve([]);

  it('finds the models beside the app, in whatever folder that lies', async () => {
    const read = await loadCatalogue('https://example.org/app/index.html', {
      fetch: site({ [indexUrl]: index(hash(bytesOf(card))), [cardUrl]: card }),
      cached,
    });
    expect(read).toMatchObject({ ok: true, value: [{ id: 'small', title: 'Small one', url }] });
  });

  it('refuses a card that was exchanged on the server', async () => {
    const files = { [indexUrl]: index(hash(bytesOf(card))), [cardUrl]: { ...card, licence: 'none' } };
    expect(await loadCatalogue('https://example.org/app/', { fetch: site(files), cached })).toMatchObject({
      ok: false,
      error: { code: 'wrong-hash' },
    });
  });

  it('leaves out a model whose host is down, and says which', async () => {
    const away = 'https://down.example.org/large/';
    const both = { version: 1, models: [{ folder: away, cardSha256: 'a'.repeat(64) }, ...index(hash(bytesOf(card))).models] };
    const leftOut: unknown[] = [];
    const read = await loadCatalogue('https://example.org/app/', {
      fetch: site({ [indexUrl]: both, [cardUrl]: card }),
      cached,
      onLeftOut: (folder, error) => leftOut.push([folder, error.code]),
    });
    expect(read).toMatchObject({ ok: true, value: [{ id: 'small' }] });
    expect(leftOut).toEqual([[away, 'network']]);
  });

  it('reads a folder at an address that was typed, by its own card', async () => {
    const fetch = site({ [cardUrl]: card });
    for (const address of [url, url.slice(0, -1), ` ${cardUrl}`, `${url}?raw#top`]) {
      expect(await readLinkedModel(address, { fetch }), address).toMatchObject({
        ok: true,
        value: { id: 'linked.small', origin: 'linked', url },
      });
    }
    expect(await readLinkedModel('https://example.org/nothing', { fetch })).toMatchObject({ ok: false, error: { code: 'network' } });
    for (const address of ['', 'models/small', 'file:///models/small', 'javascript:alert(1)']) {
      const refused = await readLinkedModel(address, { fetch });
      expect(refused.ok ? '' : refused.error.message, address).toBe('That is not the address of a model folder.');
    }
  });

  it('offers the models in the cache when the network is gone', async () => {
    const entry = await entryOf(card);
    const offline: typeof fetch = () => Promise.reject(new TypeError('Failed to fetch'));
    const read = await loadCatalogue('https://example.org/app/', { fetch: offline, cached: () => Promise.resolve([entry]) });
    expect(read).toEqual({ ok: true, value: [entry] });
    expect(await loadCatalogue('https://example.org/app/', { fetch: offline, cached })).toMatchObject({
      ok: false,
      error: { code: 'network' },
    });
  });

  it('stops when told to', async () => {
    const signal = AbortSignal.abort();
    const read = await loadCatalogue('https://example.org/app/', { fetch: () => Promise.reject(new Error('aborted')), signal, cached });
    expect(read).toMatchObject({ ok: false, error: { code: 'aborted' } });
  });
});
