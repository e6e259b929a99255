import initSqlJs from 'sql.js';
import { expect, test } from 'vitest';
import { InProcessDatabase } from '../database/node/node-database.ts';
import { promptPrefix } from './prompt.ts';
import { sampleRowsFor } from './read-sample-rows.ts';

test('three rows a table for the style that shows them, none for ours, and none where a view is broken', async () => {
  const sqlite = await initSqlJs();
  const file = new sqlite.Database();
  file.run(`CREATE TABLE "order"(id INTEGER, what TEXT);
    INSERT INTO "order" VALUES (1, 'tea'), (2, 'cake'), (3, NULL), (4, 'beyond the third');
    CREATE TABLE gone(id INTEGER);
    CREATE VIEW broken AS SELECT id FROM gone;
    DROP TABLE gone`);
  const database = new InProcessDatabase();
  const opened = await database.open(file.export());
  if (!opened.ok) throw new Error(opened.error.message);
  expect(await sampleRowsFor('compact', database, opened.value)).toBeUndefined();
  const rows = await sampleRowsFor('create-table', database, opened.value);
  expect([...(rows ?? [])]).toEqual([
    [
      'order',
      [
        [1, 'tea'],
        [2, 'cake'],
        [3, null],
      ],
    ],
  ]);
  expect(promptPrefix('create-table', opened.value, rows)).toContain('id\twhat\n1\ttea\n2\tcake\n3\tNULL');
});
