import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parsePredictions } from './predictions-file.ts';
import { scorePredictions } from './score-predictions.ts';

const shared = path.resolve('../shared');
const FILES = ['base_qwen_0p5b', 'distilled_ablation_direct', 'distilled_primary'];

interface OfficialLine {
  readonly index: number;
  readonly exec: 0 | 1;
  readonly exec_keep_distinct: 0 | 1;
  readonly exact_match: 0 | 1;
  readonly hardness: string;
}

/** The published verdicts of the official evaluator on three sets of predictions: ours are equal, without exceptions. */
describe('published verdicts', async () => {
  const texts = await Promise.all(FILES.map((file) => readFile(path.join(shared, 'predictions', `${file}.jsonl`), 'utf8')));
  const official = texts.flatMap((text) => text.trim().split('\n')).map((line) => JSON.parse(line) as OfficialLine);
  const predictions = texts.flatMap((text, file) => parsePredictions(text, FILES[file] ?? ''));

  it('has three whole sets', () => {
    expect(official).toHaveLength(3 * 1026);
    expect(predictions).toHaveLength(3 * 1026);
  });

  it('are ours, by execution without DISTINCT, exact set match and hardness', { timeout: 600_000 }, async () => {
    const { scored } = await scorePredictions(path.join(shared, 'spider'), predictions);
    const ours = scored.map(({ index, verdict }) => ({
      index,
      exec: verdict.exec,
      exact_match: verdict.exactMatch,
      hardness: verdict.hardness,
    }));
    expect(ours).toEqual(official.map(({ index, exec, exact_match, hardness }) => ({ index, exec, exact_match, hardness })));
  });

  it('are ours, by execution with DISTINCT', { timeout: 600_000 }, async () => {
    const { scored } = await scorePredictions(path.join(shared, 'spider'), predictions, { keepDistinct: true });
    const ours = scored.map(({ index, verdict }) => ({ index, exec: verdict.exec }));
    expect(ours).toEqual(official.map(({ index, exec_keep_distinct }) => ({ index, exec: exec_keep_distinct })));
  });
});
