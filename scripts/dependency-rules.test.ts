import { ESLint } from 'eslint';
import { describe, expect, test } from 'vitest';
import { dependencyRules } from './dependency-rules.js';

const eslint = new ESLint({
  overrideConfigFile: true,
  overrideConfig: dependencyRules,
});

/** The messages for a file of this text at this path, by the dependency rules alone. */
async function complaints(path: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: path });
  return result?.messages.map((message) => message.message) ?? [];
}

describe('the direction of dependencies', () => {
  const refused: readonly (readonly [path: string, code: string])[] = [
    ['src/engine/x.js', "import '../database/worker-database.ts';"],
    ['src/database/x.js', "import '../engine/webllm-engine.ts';"],
    ['src/database/import/x.js', "import '../../app/page.ts';"],
    ['src/text-to-sql/x.js', "import '../database/worker-database.ts';"],
    ['src/text-to-sql/x.js', "import '../engine/webllm-engine.ts';"],
    ['src/text-to-sql/x.js', "import '../evaluation/execution-match.ts';"],
    ['src/text-to-sql/x.js', "import { readFile } from 'node:fs/promises';"],
    ['src/text-to-sql/x.js', 'document.title = 1;'],
    ['src/text-to-sql/x.js', 'new Worker(1);'],
    ['src/evaluation/x.js', 'fetch(1);'],
    ['src/evaluation/x.js', "import '../app/page.ts';"],
    ['src/classroom/x.js', "import '../text-to-sql/prompt.ts';"],
    ['src/engine/x.js', 'document.title = 1;'],
    ['src/database/x.js', "import '../app/cell.svelte';"],
    ['src/engine/x.js', "import '../../cli/predict.ts';"],
  ];
  test.each(refused)('%s may not contain: %s', async (path, code) => {
    expect(await complaints(path, code)).not.toEqual([]);
  });

  const accepted: readonly (readonly [path: string, code: string])[] = [
    ['src/engine/x.js', "import '../worker/start-worker.ts';"],
    ['src/engine/x.js', "import '../result.ts';"],
    ['src/text-to-sql/x.js', "import '../database/database.ts';"],
    ['src/text-to-sql/sql/x.js', "import '../../engine/engine.ts';"],
    ['src/evaluation/x.js', "import '../text-to-sql/prompt.ts';"],
    ['src/app/x.js', "import '../engine/webllm-engine.ts'; document.title = 1;"],
  ];
  test.each(accepted)('%s may contain: %s', async (path, code) => {
    expect(await complaints(path, code)).toEqual([]);
  });
});
