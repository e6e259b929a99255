import { createInterface } from 'node:readline';
import * as v from 'valibot';
import { readArguments, runCommand, UsageError } from './arguments.ts';
import { SampleScorer } from './sample-scorer.ts';
import { openDataset } from './spider-data.ts';

const Request = v.object({ id: v.string(), sqls: v.array(v.string()) });

/**
 * `npm run score-samples`: the evaluator as a process that training asks (training/tabletalk_training/rewards.py). JSON lines on standard input and
 * output, after a first line `{"ready": true}`:
 *
 *     {"id": "train_spider-0", "sqls": ["SELECT …", …]}
 *     {"id": "train_spider-0", "rewards": [{"equal": 1, "runs": 1, "tables": 1}, …], "gold_empty": false}
 *     {"id": "train_spider-0", "could_not_score": "The gold query of train_spider-0 does not run: …"}
 *
 * A line that is no request is answered by `{"error": …}`. Requests may be sent without waiting; answers come in whatever order they are ready.
 */
await runCommand(async (args) => {
  const given = readArguments(
    'score-samples',
    {
      spider: { type: 'string', value: 'DIR', required: true, help: 'Spider as published: the archive, or the folder' },
      timeout: { type: 'string', value: 'SECONDS', help: 'how long one query may run (3)' },
    },
    args,
  );
  const spider = given.required('spider');
  // What is wrong with the folder is said before anything is asked.
  await openDataset(spider, 'train_spider');
  // Every gold query of train but some cross joins ends within 1 s; a sample that takes longer is a cross join as a rule, and they add up.
  const scorer = new SampleScorer(spider, (given.count('timeout') ?? 3) * 1000);
  const answer = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  answer({ ready: true });
  const pending = new Set<Promise<void>>();
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === '') continue;
    const request = readRequest(line);
    if (request === undefined) {
      answer({ error: `This is no request: ${line.slice(0, 200)}. Send {"id": …, "sqls": […]} on one line.` });
      continue;
    }
    const work = answerRequest(scorer, request).then(answer);
    pending.add(work);
    void work.finally(() => pending.delete(work));
  }
  await Promise.all(pending);
  await scorer.close();
});

function readRequest(line: string): v.InferOutput<typeof Request> | undefined {
  try {
    const parsed = v.safeParse(Request, JSON.parse(line));
    return parsed.success ? parsed.output : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function answerRequest(scorer: SampleScorer, { id, sqls }: v.InferOutput<typeof Request>): Promise<object> {
  try {
    const scored = await scorer.score(id, sqls);
    if (!scored.ok) return { id, could_not_score: scored.error };
    return { id, rewards: scored.value.rewards, gold_empty: scored.value.goldEmpty };
  } catch (error) {
    // train_others.json may be missing: that question cannot be scored, the others can.
    if (error instanceof UsageError) return { id, could_not_score: error.message };
    throw error;
  }
}
