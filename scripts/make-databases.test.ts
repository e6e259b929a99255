import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { InProcessDatabase } from '../src/database/node/node-database.ts';
import { buildDatabases } from './make-databases/build.ts';

const folder = new URL('../public/databases/', import.meta.url);

interface Index {
  readonly databases: readonly {
    readonly id: string;
    readonly file: string;
    readonly description: string;
    readonly tables: number;
    readonly rows: number;
    readonly bytes: number;
    readonly sha256: string;
    readonly questions: readonly {
      readonly question: string;
      readonly reference: string;
      readonly template?: boolean;
      readonly sql?: string;
    }[];
  }[];
}

const index = JSON.parse(await readFile(new URL('index.json', folder), 'utf8')) as Index;

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

test('the committed sample databases are what the script makes, byte for byte', async () => {
  const built = await buildDatabases();
  expect(built).toHaveLength(5);
  for (const { name, bytes } of built) expect([name, sha256(await readFile(new URL(name, folder)))]).toEqual([name, sha256(bytes)]);
}, 120_000);

test('four databases of at most 6 MB in all, one of them with 50,000 rows', () => {
  expect(index.databases.map(({ id }) => id)).toEqual(['school', 'bookshop', 'bike-trips', 'films']);
  expect(index.databases.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(6_000_000);
  expect(index.databases.find(({ id }) => id === 'bike-trips')?.rows).toBeGreaterThanOrEqual(50_000);
});

for (const entry of index.databases) {
  test(`${entry.id}: the index tells the truth, keys hold, and each of eight questions has an answer`, async () => {
    const bytes = await readFile(new URL(entry.file, folder));
    expect([bytes.length, sha256(bytes)]).toEqual([entry.bytes, entry.sha256]);
    const database = new InProcessDatabase();
    const opened = await database.open(bytes);
    if (!opened.ok) throw new Error(opened.error.message);
    const { tables } = opened.value;
    expect(tables).toHaveLength(entry.tables);
    expect(tables.reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0)).toBe(entry.rows);
    expect(tables.some(({ foreignKeys }) => foreignKeys.length > 0)).toBe(true);
    for (const table of tables) {
      expect(table.name).toMatch(/^[a-z]+(_[a-z]+)*$/);
      for (const { name } of table.columns) expect(name).toMatch(/^[a-z]+(_[a-z]+)*$/);
      for (const key of table.foreignKeys) {
        const on = key.columns.map((column, place) => `child.${column} = parent.${String(key.references[place])}`).join(' AND ');
        const orphans = `SELECT count(*) FROM ${table.name} AS child LEFT JOIN ${key.table} AS parent ON ${on} WHERE child.${String(key.columns[0])} IS NOT NULL AND parent.rowid IS NULL`;
        expect([table.name, key.table, database.runNow(orphans)]).toMatchObject([
          table.name,
          key.table,
          { ok: true, value: { rows: [[0]] } },
        ]);
      }
    }
    expect(entry.questions).toHaveLength(8);
    expect(entry.questions.filter(({ template, sql, reference }) => template && sql === reference)).toHaveLength(3);
    for (const { question, reference } of entry.questions) {
      const result = database.runNow(reference);
      if (!result.ok) throw new Error(`${question}: ${result.error.sqlite ?? result.error.message}`);
      expect([question, result.value.rows.length > 0]).toEqual([question, true]);
    }
    await database.close();
  });
}
