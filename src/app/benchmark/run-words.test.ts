import { describe, expect, it } from 'vitest';
import type { RunSource } from '../../storage/benchmark-runs.ts';
import { exportName, percent, sourceTitle, verdictWords } from './run-words.ts';

const model = { kind: 'model', id: 'student', cardSha256: '', title: 'Student 135M', repair: true, habits: false } as const;

it('writes a share to a tenth of a percent, and none of nothing', () => {
  expect(percent(1, 3)).toBe('33.3%');
  expect(percent(0, 5)).toBe('0.0%');
  expect(percent(0, 0)).toBe('–');
});

describe('a run', () => {
  it.each<[RunSource, string, string]>([
    [{ ...model, repair: false }, 'Student 135M, alone', 'Student-135M-alone-verdicts.jsonl'],
    [model, 'Student 135M, with repair', 'Student-135M-with-repair-verdicts.jsonl'],
    [
      { ...model, habits: true },
      'Student 135M, with repair and Spider’s habits',
      'Student-135M-with-repair-and-Spider-s-habits-verdicts.jsonl',
    ],
    [{ kind: 'predictions', file: 'a/b überall.jsonl' }, 'a/b überall.jsonl', 'a-b-überall-verdicts.jsonl'],
  ])('is called by where its SQL comes from', (source, title, file) => {
    expect(sourceTitle(source)).toBe(title);
    expect(exportName(source)).toBe(file);
  });
});

it('says what became of a prediction', () => {
  expect(verdictWords({ failureMode: 'wrong-result' })).toBe('Ran, wrong result');
  expect(verdictWords({ failureMode: null })).toBe('Could not score');
});
