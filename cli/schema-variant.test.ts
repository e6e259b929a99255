import { describe, expect, it } from 'vitest';
import type { Schema, Table } from '../src/database/database.ts';
import { createDatabase } from '../src/database/node/create-database.ts';
import { NodeDatabase } from '../src/database/node/node-database.ts';
import { schemaVariant } from './schema-variant.ts';

const script = `CREATE TABLE Singer (Singer_ID int PRIMARY KEY, Name text, Birth_Year int);
  CREATE TABLE Concert (Concert_ID int PRIMARY KEY, Name text, Singer_ID int REFERENCES Singer);
  INSERT INTO Singer VALUES (1, 'Ada', 1980), (2, 'Bo', 1990);
  INSERT INTO Concert VALUES (1, 'Spring', 1), (2, 'Fall', 1);`;

const queries = [
  'SELECT name FROM singer WHERE birth_year > 1985',
  'SELECT singer.name, count(*) AS shows FROM singer JOIN concert ON concert.singer_id = singer.singer_id GROUP BY singer.singer_id ORDER BY shows DESC',
  'SELECT name FROM singer WHERE singer_id NOT IN (SELECT singer_id FROM concert) UNION SELECT name FROM concert',
  'SELECT T1.name FROM singer AS T1 JOIN singer AS T2 ON T1.birth_year < T2.birth_year',
];

async function open(sql: string): Promise<{ database: NodeDatabase; schema: Schema }> {
  const database = new NodeDatabase();
  const opened = await database.open(await createDatabase(sql));
  if (!opened.ok) throw new Error(opened.error.message);
  return { database, schema: opened.value };
}

const lender: Table = {
  name: 'ship',
  kind: 'table',
  columns: [{ name: 'tonnage', type: 'int', notNull: false, primaryKey: 0 }],
  foreignKeys: [],
  rowCount: 0,
};

describe('schemaVariant', () => {
  it('renames schema and query together: the query runs on the renamed tables and means the same columns', async () => {
    const { database, schema } = await open(script);
    const seen = new Set<string>();
    for (let seed = 1; seed <= 12; seed++) {
      const variant = schemaVariant(schema, seed, [lender]);
      const copies = schema.tables.map((table) => {
        const columns = table.columns.map(({ name }) => variant.renameValues([{ table: table.name, column: name, value: '' }])[0]);
        return { from: table.name, to: columns[0]?.table ?? '', columns: columns.map((column) => column?.column ?? '') };
      });
      // The same rows under the new names, in the old order of columns.
      const renamed = await open(
        copies.map(({ to, columns }) => `CREATE TABLE "${to}" (${columns.map((name) => `"${name}"`).join(', ')});`).join('\n') +
          script
            .split('\n')
            .filter((line) => line.includes('INSERT'))
            .map((line) => copies.reduce((text, { from, to }) => text.replace(`INTO ${from} `, `INTO "${to}" `), line))
            .join('\n'),
      );
      for (const query of queries) {
        const sql = variant.rename(query);
        seen.add(sql ?? '');
        const limits = { rowLimit: 100, timeoutMs: 1_000 };
        const [before, after] = [await database.run(query, limits), await renamed.database.run(sql ?? '', limits)];
        expect(after.ok && after.value.rows, `${sql ?? ''} (seed ${String(seed)})`).toEqual(before.ok && before.value.rows);
      }
      await renamed.database.close();
    }
    await database.close();
    expect(seen.size).toBeGreaterThan(24);
  });

  it('gives the same for the same seed, and refuses a query that it cannot resolve', async () => {
    const { database, schema } = await open(script);
    expect(schemaVariant(schema, 7, [lender]).schema).toEqual(schemaVariant(schema, 7, [lender]).schema);
    expect(schemaVariant(schema, 7, []).rename('SELECT shoe FROM singer')).toBeUndefined();
    expect(schemaVariant(schema, 7, []).rename('SELECT tonnage FROM ship')).toBeUndefined();
    await database.close();
  });
});
