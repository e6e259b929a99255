import { spawn } from 'node:child_process';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import { SampleScorer } from './sample-scorer.ts';

const spider = path.resolve('../shared/spider');
const scorer = new SampleScorer(spider, 2_000);
afterAll(() => scorer.close());

describe('samples of a question', () => {
  it('are equal by rows, in any words; else they get credit for running and for the right tables', async () => {
    // Gold: SELECT count(*) FROM head WHERE age > 56
    const scored = await scorer.score('train_spider-0', [
      'SELECT count(*) FROM head WHERE age > 56',
      'SELECT sum(age > 56) FROM head;\n',
      'SELECT count(*) FROM head WHERE age > 1',
      'SELECT name FROM head JOIN management ON head.head_id = management.head_id',
      'SELECT count(*) FROM department',
      'SELECT heads FROM head',
      'SELECT count(*) FROM',
      '',
      'DELETE FROM head',
    ]);
    expect(scored).toEqual({
      ok: true,
      value: {
        goldEmpty: false,
        rewards: [
          { equal: 1, runs: 1, tables: 1 },
          { equal: 1, runs: 1, tables: 1 },
          { equal: 0, runs: 1, tables: 1 },
          { equal: 0, runs: 1, tables: 0.5 },
          { equal: 0, runs: 1, tables: 0 },
          { equal: 0, runs: 0, tables: 1 },
          { equal: 0, runs: 0, tables: 0 },
          { equal: 0, runs: 0, tables: 0 },
          { equal: 0, runs: 0, tables: 0 },
        ],
      },
    });
  });

  it('must keep the order where gold orders, and need not where it does not', async () => {
    // Gold: SELECT name, born_state, age FROM head ORDER BY age
    const rewards = async (id: string, sql: string): Promise<unknown> => {
      const scored = await scorer.score(id, [sql]);
      return scored.ok ? scored.value.rewards.map(({ equal }) => equal) : scored.error;
    };
    expect(await rewards('train_spider-1', 'SELECT name, born_state, age FROM head ORDER BY age')).toEqual([1]);
    expect(await rewards('train_spider-1', 'SELECT name, born_state, age FROM head ORDER BY age DESC')).toEqual([0]);
    // Gold: SELECT creation, name, budget_in_billions FROM department
    expect(await rewards('train_spider-2', 'SELECT creation, name, budget_in_billions FROM department ORDER BY name')).toEqual([1]);
  });

  it('that do not end are stopped, and the database answers the next', { timeout: 60_000 }, async () => {
    const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';
    const scored = await scorer.score('train_spider-0', [endless, 'SELECT count(*) FROM head WHERE age > 56']);
    expect(scored.ok && scored.value.rewards.map(({ equal, runs }) => [equal, runs])).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });

  it('of no question cannot be scored, and a sentence says why', async () => {
    const sentence = async (id: string): Promise<unknown> => {
      const scored = await scorer.score(id, ['SELECT 1']);
      return scored.ok ? undefined : scored.error;
    };
    expect(await sentence('train_spider-7000')).toMatch(/has 7000\.$/u);
    expect(await sentence('bird-1')).toMatch(/no question of Spider/u);
  });

  it('come from more databases than stay open at once', { timeout: 60_000 }, async () => {
    const ids = Array.from({ length: 35 }, (_, index) => `train_spider-${String(index * 200)}`);
    const scored = await Promise.all(ids.map((id) => scorer.score(id, ['SELECT 1 WHERE 0', 'SELECT'])));
    expect(scored.map((one) => (one.ok ? one.value.rewards.map(({ runs }) => runs) : one.error))).toEqual(ids.map(() => [1, 0]));
  });
});

it('the process answers a line with a line and ends with its input', { timeout: 60_000 }, async () => {
  const child = spawn('npx', ['tsx', 'cli/score-samples.ts', '--spider', spider], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end('{"id": "dev-1", "sqls": ["SELECT count(*) FROM singer"]}\nno request\n{"id": "dev-x", "sqls": []}\n');
  const lines = (await text(child.stdout)).trim().split('\n');
  expect(lines[0]).toBe('{"ready":true}');
  expect(lines.slice(1).sort()).toEqual([
    expect.stringMatching(/^\{"error":"This is no request: no request/u),
    '{"id":"dev-1","rewards":[{"equal":1,"runs":1,"tables":1}],"gold_empty":false}',
    expect.stringMatching(/^\{"id":"dev-x","could_not_score":"“dev-x” is no question/u),
  ]);
});
