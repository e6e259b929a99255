import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concertSchema } from '../../tests/fixtures/concert-schema.ts';
import type { Schema } from '../database/database.ts';
import { buildSchemaIndex, estimateTokens, linkSchema } from './link-schema.ts';
import { promptPrefix } from './prompt.ts';

const index = buildSchemaIndex(concertSchema);
const link = (question: string, budget: number) =>
  linkSchema(question, index, { style: 'compact', budget }).schema.tables.map((table) => table.name);

/** A chain of 300 tables, each referring to the one before. */
const chain: Schema = {
  tables: Array.from({ length: 300 }, (_, at) => ({
    name: `table_${String(at)}`,
    kind: 'table' as const,
    columns: Array.from({ length: 12 }, (__, column) => ({
      name: `attribute_${String(at)}_${String(column)}`,
      type: 'TEXT',
      notNull: false,
      primaryKey: column === 0 ? 1 : 0,
    })),
    foreignKeys: at > 0 ? [{ columns: [`attribute_${String(at)}_1`], table: `table_${String(at - 1)}`, references: [] }] : [],
    rowCount: 1,
  })),
};

describe('linkSchema', () => {
  test('the whole schema where it fits', () => {
    expect(linkSchema('singers', index, { style: 'compact' })).toEqual({ schema: concertSchema, complete: true });
  });
  test('else the tables that the question names', () => {
    expect(link('What is the capacity of each stadium?', 35)).toEqual(['stadium']);
  });
  test('with the table that joins two named ones', () => {
    expect(link('concert name and the age of singers', 100)).toEqual(expect.arrayContaining(['singer', 'concert', 'singer_in_concert']));
  });
  test('a linked cell brings its table', () => {
    const values = [{ table: 'stadium', column: 'Location', value: 'Balmoor' }];
    const linked = linkSchema('What is in Balmoor?', index, { style: 'compact', budget: 40, values });
    expect(linked.schema.tables.map((table) => table.name)).toContain('stadium');
  });
  test('a table too large alone keeps what the question names', () => {
    const wide = { tables: chain.tables.slice(7, 8) };
    const linked = linkSchema('attribute 7 9', buildSchemaIndex(wide), { style: 'compact', budget: 45 });
    expect(linked.complete).toBe(false);
    expect(linked.schema.tables[0]?.columns.map((column) => column.name)).toContain('attribute_7_9');
  });
  test('never exceeds the budget while a table can be shown', () => {
    const large = buildSchemaIndex(chain);
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 3000 }), fc.integer({ min: 0, max: 299 }), (budget, at) => {
        const linked = linkSchema(`attribute ${String(at)} 3 of table ${String(at)}`, large, { style: 'compact', budget });
        expect(estimateTokens(promptPrefix('compact', linked.schema))).toBeLessThanOrEqual(budget);
        expect(linked.schema.tables.length).toBeGreaterThan(0);
      }),
      { numRuns: 30 },
    );
  });
  test('300 tables in under 50 ms', () => {
    const large = buildSchemaIndex(chain);
    linkSchema('warm up', large, { style: 'compact' });
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now();
      linkSchema('attribute 17 of table 20 and attribute 250', large, { style: 'compact' });
      return performance.now() - start;
    });
    expect(Math.min(...times)).toBeLessThan(50);
  });
});
