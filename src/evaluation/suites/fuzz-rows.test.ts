import { expect, test } from 'vitest';
import { concertSchema } from '../../../tests/fixtures/concert-schema.ts';
import { seededRandom } from '../statistics.ts';
import { comparedValues, fuzzRows, poolKey, type ColumnPool } from './fuzz-rows.ts';

const lookup = (table: string) => {
  const found = concertSchema.tables.find((one) => one.name.toLowerCase() === table);
  return found ? new Set(found.columns.map((column) => column.name.toLowerCase())) : null;
};

test('the same seed gives the same rows; keys are unique and refer to parents', () => {
  const pools = new Map<string, ColumnPool>();
  const rows = fuzzRows(concertSchema, pools, seededRandom(3));
  expect(fuzzRows(concertSchema, pools, seededRandom(3))).toEqual(rows);
  expect(fuzzRows(concertSchema, pools, seededRandom(4))).not.toEqual(rows);
  for (const table of concertSchema.tables) {
    const own = rows.get(table.name) ?? [];
    expect(own.length).toBeGreaterThan(0);
    const key = table.columns.flatMap((column, at) => (column.primaryKey > 0 ? [at] : []));
    if (key.length > 0) expect(new Set(own.map((row) => JSON.stringify(key.map((at) => row[at])))).size).toBe(own.length);
    for (const foreign of table.foreignKeys) {
      const parent = concertSchema.tables.find((one) => one.name === foreign.table);
      const [column, target] = [
        table.columns.findIndex((one) => one.name === foreign.columns[0]),
        parent?.columns.findIndex((one) => one.name === foreign.references[0]) ?? -1,
      ];
      const parents = new Set((rows.get(foreign.table) ?? []).map((row) => row[target]));
      for (const row of own) expect(parents.has(row[column] ?? null)).toBe(true);
    }
  }
});

test('NULLs only where the real column has them', () => {
  const table = concertSchema.tables[0];
  const column = table?.columns.find((one) => one.primaryKey === 0 && !one.notNull);
  if (!table || !column) throw new Error('the fixture has no such column');
  const nullsOf = (nullable: boolean, seed: number) => {
    const rows = fuzzRows(concertSchema, new Map([[poolKey(table.name, column.name), { values: ['a'], nullable }]]), seededRandom(seed));
    return (rows.get(table.name) ?? []).filter((row) => row[table.columns.indexOf(column)] === null).length;
  };
  const seeds = Array.from({ length: 20 }, (_, at) => at);
  expect(seeds.every((seed) => nullsOf(false, seed) === 0)).toBe(true);
  expect(seeds.some((seed) => nullsOf(true, seed) > 0)).toBe(true);
});

test('both sides of what queries compare with', () => {
  const found = comparedValues(["SELECT name FROM singer WHERE age > 20 AND country LIKE '%land%' OR name IN ('Joe', 'Ann')"], lookup);
  expect(found.get(poolKey('singer', 'age'))).toEqual([20, 21, 19]);
  expect(found.get(poolKey('singer', 'country'))).toEqual(['land', 'land b', 'a land', 'a land b']);
  expect(found.get(poolKey('singer', 'name'))).toEqual(['Joe', 'Joex', 'Ann', 'Annx']);
});
