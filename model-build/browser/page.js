/**
 * Runs tasks on a model library through WebLLM's own pipeline. Loaded by run.mjs; answers are plain data.
 *
 * A task is {kind: 'logits', pieces: number[][], pop?: number}   feed each piece, after the first forget `pop` tokens if asked; logits at the end
 *        or {kind: 'greedy', prompt: number[], count: number}    tokens that follow
 *        or {kind: 'speed', prompt: number, decode: number}      times of a prefill of that many tokens, and of single tokens after it
 *        or {kind: 'nucleus', draws: number}                     top-p sampling against a sort; counts wrong draws
 *        or {kind: 'edits'}                                      bias, penalties and bitmask against plain arithmetic; largest error
 */
import { CreateMLCEngine } from '/webllm/index.js';

/** @returns the one pipeline of WebLLM 0.2.86 (a private member: this is a test of the library, not of the engine) */
const pipeline = () => [...window.engine.loadedModelIdToPipeline.values()][0];

window.load = async ({ model, library }) => {
  const start = performance.now();
  const phases = [];
  window.engine = await CreateMLCEngine('model', {
    logLevel: 'WARN',
    appConfig: { model_list: [{ model, model_id: 'model', model_lib: library }] },
    initProgressCallback: ({ text }) => {
      const phase = text.replace(/[\d.:[\]/]+.*/, '').trim();
      if (phases.at(-1)?.phase !== phase) phases.push({ phase, ms: Math.round(performance.now() - start) });
    },
  });
  return { ms: Math.round(performance.now() - start), phases };
};

/** A copy of a GPU tensor's numbers. */
async function read(tensor, size, dtype = 'float32') {
  const { tvm, device } = pipeline();
  tvm.beginScope();
  const host = tvm.detachFromCurrentScope(tvm.empty([size], dtype, tvm.cpu()).copyFrom(tensor.view([size])));
  tvm.endScope();
  await device.sync();
  const numbers = [...host.toArray()];
  host.dispose();
  return numbers;
}

function pop(count) {
  const { tvm, kvCache } = pipeline();
  tvm.beginScope();
  tvm.getGlobalFunc('vm.builtin.kv_state_popn')(kvCache, tvm.scalar(0, 'int64'), tvm.scalar(count, 'int32'));
  tvm.endScope();
  pipeline().filledKVCacheLength -= count;
}

const kinds = {
  async logits({ pieces, pop: popped = 0 }) {
    pipeline().resetChat();
    let logits;
    for (const [index, piece] of pieces.entries()) {
      logits?.dispose();
      logits = await pipeline().forwardKnownTokens(piece, true);
      if (index === 0 && popped > 0) pop(popped);
    }
    return read(logits, pipeline().fullVocabSize);
  },

  async greedy({ prompt, count }) {
    pipeline().resetChat();
    const tokens = [await pipeline().forwardTokensAndSample(prompt, true)];
    while (tokens.length < count) tokens.push(await pipeline().forwardTokensAndSample([tokens.at(-1)], false));
    return tokens;
  },

  async speed({ prompt, decode }) {
    pipeline().resetChat();
    const vocabulary = pipeline().fullVocabSize;
    const ids = Array.from({ length: prompt }, (_, i) => 300 + ((i * 7919) % (vocabulary - 300)));
    const cpu = [await window.gpuSeconds()];
    const start = performance.now();
    window.profile?.start();
    let token = await pipeline().forwardTokensAndSample(ids, true);
    const prefillMs = performance.now() - start;
    const prefillProfile = await window.profile?.stop();
    cpu.push(await window.gpuSeconds());
    const steps = [];
    window.profile?.start();
    for (let i = 0; i < decode; i++) {
      const from = performance.now();
      token = await pipeline().forwardTokensAndSample([token], false);
      steps.push(performance.now() - from);
    }
    const decodeProfile = await window.profile?.stop();
    cpu.push(await window.gpuSeconds());
    steps.sort((a, b) => a - b);
    const median = steps[steps.length >> 1];
    const round = (x) => Number(x.toPrecision(4));
    return {
      promptTokens: prompt,
      prefillMs: round(prefillMs),
      prefillTokensPerSecond: round((prompt * 1000) / prefillMs),
      prefillCpuSeconds: round(cpu[1] - cpu[0]),
      decodeMs: round(median),
      decodeTokensPerSecond: round(1000 / median),
      decodeCpuSecondsPerToken: round((cpu[2] - cpu[1]) / decode),
      ...(window.profile && { prefillProfile, decodeProfile }),
    };
  },

  async nucleus({ draws }) {
    const { tvm, device, fargsortProbs, fsampleWithTopP, fullVocabSize: size } = pipeline();
    let wrong = 0;
    for (let draw = 0; draw < draws; draw++) {
      const topP = [0.1, 0.5, 0.9, 0.99, 1][draw % 5];
      const uniform = (draw * 0.37 + 0.05) % 1;
      const raw = Float64Array.from({ length: size }, (_, i) => Math.exp(-((i * 7919 + draw * 31) % size) / (size / (4 + 40 * (draw % 3)))));
      const sum = raw.reduce((a, b) => a + b, 0);
      const probabilities = Float32Array.from(raw, (x) => x / sum);
      tvm.beginScope();
      const on = (values, shape, dtype) => tvm.empty(shape, dtype, device).copyFrom(values);
      const sorted = fargsortProbs(on(probabilities, [1, size], 'float32'));
      const one = fsampleWithTopP(
        sorted.get(0), sorted.get(1), on([uniform], [1], 'float32'), on([0], [1], 'int32'), on([topP], [1], 'float32'),
      );
      const [token] = await read(one, 1, 'int32');
      tvm.endScope();
      // The nucleus by sorting; a draw within rounding (1e-4 of the mass) of a boundary may fall on either side.
      const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
      let mass = 0;
      let kept = 0;
      while (kept < size && mass < topP - 1e-6) mass += probabilities[order[kept++]];
      const cut = probabilities[order[kept - 1]];
      const total = probabilities.reduce((a, p) => a + (p >= cut ? p : 0), 0);
      let below = 0;
      const allowed = new Set();
      for (let i = 0; i < size; i++) {
        if (probabilities[i] < cut) continue;
        const from = below;
        below += probabilities[i];
        if (from - 1e-4 <= uniform * total && uniform * total <= below + 1e-4) allowed.add(i);
      }
      if (!allowed.has(token)) wrong++;
    }
    return { draws, wrong };
  },

  async edits() {
    const { tvm, device, fapplyBitmask, fapplyLogitBias, fapplyPenalty, fullVocabSize: size } = pipeline();
    const start = Float32Array.from({ length: size }, (_, i) => Math.sin(i) * 4);
    tvm.beginScope();
    const on = (values, shape, dtype) => tvm.empty(shape, dtype, device).copyFrom(values);
    const logits = on(start, [1, size], 'float32');
    const zero = on([0], [1], 'int32');
    fapplyLogitBias(logits, on([0, 0], [2], 'int32'), on([5, size - 1], [2], 'int32'), on([1.5, -2], [2], 'float32'));
    fapplyPenalty(
      logits, zero, on([0, 0], [2], 'int32'), on([5, 7], [2], 'int32'), on([3, 1], [2], 'int32'), on([0.25, 0.5, 1.25], [1, 3], 'float32'),
    );
    const mask = new Int32Array(Math.ceil(size / 32)).fill(-1);
    mask[0] &= ~(1 << 9);
    fapplyBitmask(logits, zero, on(mask, [1, mask.length], 'int32'));
    const found = await read(logits, size);
    tvm.endScope();
    const wanted = Float64Array.from(start);
    wanted[5] += 1.5;
    wanted[size - 1] -= 2;
    for (const [id, count] of [[5, 3], [7, 1]]) {
      const value = wanted[id] - 0.25 - count * 0.5;
      wanted[id] = value < 0 ? value * 1.25 : value / 1.25;
    }
    const masked = found[9] < -1e38;
    wanted[9] = found[9];
    return { masked, largestError: Math.max(...found.map((x, i) => Math.abs(x - wanted[i]))) };
  },
};

window.runTask = (task) => kinds[task.kind](task);
window.ready = true;
