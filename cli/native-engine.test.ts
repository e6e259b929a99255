import { afterEach, describe, expect, it } from 'vitest';
import { NativeEngine } from './native-engine.ts';

/** A process that speaks the protocol of `tabletalk-model serve-stdio` and answers by script. The real one runs in `npm run predict`. */
const SERVER = `
const { createInterface } = require('node:readline');
if (process.argv.at(-1) === 'no-model') { console.error('There is no model here.'); process.exit(2); }
console.log(JSON.stringify({ ready: true, id: 'scripted', contextWindow: 8 }));
createInterface({ input: process.stdin }).on('line', (line) => {
  const { prefix, suffix, max_tokens, choice, constrained } = JSON.parse(line);
  if (suffix === 'choose' && !constrained) process.exit(4);
  if (choice !== undefined) return console.log(JSON.stringify({ text: 'choice ' + choice, finish: 'stop', tokens: [1], prefixTokens: 1, promptTokens: 2, reusedTokens: 1, steeredTokens: 1, prefillMs: 3, decodeMs: 4 }));
  if (suffix === 'die') process.exit(3);
  if (suffix === 'wait') return;
  if (suffix === 'choose') return console.log(JSON.stringify({ before: 'SELECT nam', last: true, candidates: [{ text: 'SELECT name;', logit: 2 }, { text: 'SELECT name', logit: 1 }] }));
  if (suffix === 'long') return console.log(JSON.stringify({ error: 'The prompt has 9 tokens, the context holds 8.' }));
  if (suffix === 'junk') return console.log('this is no JSON');
  console.log(JSON.stringify({ text: 'SELECT ' + prefix + suffix, finish: 'stop', tokens: [1, 2], prefixTokens: 1, promptTokens: 2, reusedTokens: 1, steeredTokens: 0, prefillMs: 3, decodeMs: max_tokens }));
});`;

const engine = new NativeEngine({ program: process.execPath, arguments: ['-e', SERVER, '--'] });
const ask = (suffix: string, signal?: AbortSignal): ReturnType<NativeEngine['generate']> =>
  engine.generate({ prompt: { prefix: 'a', suffix }, maxTokens: 7 }, signal === undefined ? {} : { signal });
afterEach(() => engine.unload());

describe('the native engine', { timeout: 60_000 }, () => {
  it('answers', async () => {
    expect(await engine.load('folder')).toEqual({ ok: true, value: undefined });
    expect(await ask('b')).toEqual({
      ok: true,
      value: {
        text: 'SELECT ab',
        finish: 'stop',
        prefixTokens: 1,
        promptTokens: 2,
        reusedTokens: 1,
        completionTokens: 2,
        steeredTokens: 0,
        overruledTokens: 0,
        prefillMs: 3,
        decodeMs: 7,
      },
    });
  });

  it('chooses among the likeliest tokens where the answer is held to names', async () => {
    await engine.load('folder');
    const names = { tables: { singer: ['name'] }, keys: [] };
    const answered = await engine.generate({ prompt: { prefix: 'a', suffix: 'choose' }, maxTokens: 7, names });
    expect(answered).toMatchObject({ ok: true, value: { text: 'choice 1', steeredTokens: 1 } });
  });

  it('says why a folder does not load', async () => {
    const loaded = await engine.load('no-model');
    expect(loaded).toMatchObject({ ok: false, error: { code: 'crashed' } });
    expect(JSON.stringify(loaded)).toContain('There is no model here.');
    expect(await ask('b')).toMatchObject({ ok: false, error: { code: 'not-loaded' } });
  });

  it('says that a program is not there', async () => {
    const missing = new NativeEngine({ program: 'no-such-program', arguments: [] });
    expect(await missing.load('folder')).toMatchObject({ ok: false, error: { code: 'crashed' } });
  });

  it('gives errors as data and goes on', async () => {
    await engine.load('folder');
    expect(await ask('long')).toMatchObject({ ok: false, error: { code: 'prompt-too-long' } });
    expect(await ask('junk')).toMatchObject({ ok: false, error: { code: 'crashed' } });
    expect(await ask('b')).toMatchObject({ ok: true });
  });

  it('settles what is pending when the process dies, and loads again', async () => {
    await engine.load('folder');
    expect(await ask('die')).toMatchObject({ ok: false, error: { code: 'crashed' } });
    expect(await ask('b')).toMatchObject({ ok: false, error: { code: 'not-loaded' } });
    expect(await engine.load('folder')).toMatchObject({ ok: true });
    expect(await ask('b')).toMatchObject({ ok: true });
  });

  it('stops on request, and answers one question at a time', async () => {
    await engine.load('folder');
    const stop = new AbortController();
    const waiting = ask('wait', stop.signal);
    expect(await ask('b')).toMatchObject({ ok: false, error: { code: 'busy' } });
    stop.abort();
    expect(await waiting).toMatchObject({ ok: false, error: { code: 'aborted' } });
  });
});
