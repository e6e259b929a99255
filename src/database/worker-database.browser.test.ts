import initSqlJs from 'sql.js';
import wasmUrl from 'sql.js/dist/sql-wasm-browser.wasm?url';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { WorkerDatabase } from './worker-database.ts';

const ENDLESS = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c';

let bytes: Uint8Array;
const open: WorkerDatabase[] = [];

async function opened(): Promise<WorkerDatabase> {
  const database = new WorkerDatabase();
  open.push(database);
  const schema = await database.open(bytes);
  expect(schema).toMatchObject({ ok: true });
  return database;
}

beforeAll(async () => {
  const sqlJs = await initSqlJs({ locateFile: () => wasmUrl });
  const database = new sqlJs.Database();
  database.run("CREATE TABLE pets (id INTEGER PRIMARY KEY, name TEXT NOT NULL); INSERT INTO pets VALUES (1, 'Mitsi'), (2, 'Köter')");
  bytes = database.export();
  database.close();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((database) => database.close()));
});

test('a file opens in a worker of this page and answers', async () => {
  const database = await opened();
  expect(await database.schema()).toMatchObject({ ok: true, value: { tables: [{ name: 'pets', rowCount: 2 }] } });
  expect(await database.run("SELECT name, 9007199254740993, x'00ff', NULL FROM pets ORDER BY id")).toMatchObject({
    ok: true,
    value: {
      rows: [
        ['Mitsi', 9007199254740993n, new Uint8Array([0, 255]), null],
        ['Köter', 9007199254740993n, new Uint8Array([0, 255]), null],
      ],
    },
  });
});

test('an endless query ends on time and the database is open after', async () => {
  const database = await opened();
  const begin = performance.now();
  expect(await database.run(ENDLESS, { timeoutMs: 500 })).toMatchObject({ ok: false, error: { code: 'timeout' } });
  // The promise is 300 ms over the limit; the bar leaves room for a machine that does other things as well.
  expect(performance.now() - begin).toBeLessThan(3_000);
  expect(await database.run('SELECT count(*) FROM pets')).toMatchObject({ ok: true, value: { rows: [[2]] } });
});

test('an abort stops a query in the middle, and one that waits', async () => {
  const database = await opened();
  const stop = new AbortController();
  const running = database.run(ENDLESS, { timeoutMs: 60_000, signal: stop.signal });
  const waiting = database.run('SELECT 1', { signal: stop.signal });
  setTimeout(() => stop.abort(), 100);
  expect(await running).toMatchObject({ ok: false, error: { code: 'aborted' } });
  expect(await waiting).toMatchObject({ ok: false, error: { code: 'aborted' } });
  expect(await database.run('SELECT 1')).toMatchObject({ ok: true });
});

test('closing in the middle of a query settles it', async () => {
  const database = await opened();
  const running = database.run(ENDLESS, { timeoutMs: 60_000 });
  setTimeout(() => void database.close(), 100);
  expect(await running).toMatchObject({ ok: false, error: { code: 'closed' } });
  expect(await database.run('SELECT 1')).toMatchObject({ ok: false, error: { code: 'closed' } });
});

test('what is no database is refused with a sentence', async () => {
  const database = new WorkerDatabase();
  open.push(database);
  expect(await database.open(new Uint8Array(0))).toMatchObject({ ok: false, error: { code: 'empty-file' } });
  expect(await database.open(new TextEncoder().encode('name,age\nAda,36\n'))).toMatchObject({
    ok: false,
    error: { code: 'not-a-database' },
  });
  expect(await database.open(bytes)).toMatchObject({ ok: true });
});
