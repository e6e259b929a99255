import type { Key } from '../catalog.ts';
import { applyEdits, replaceSpan, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import { quoteString } from '../../sql-name.ts';
import { proposal, type RepairRule, type Situation } from '../rule.ts';
import { fold } from '../words.ts';
import { isNegated, literalTests, storedVariant, type LiteralTest } from './literal-tests.ts';

interface Place {
  readonly table: string;
  readonly column: string;
  /** The texts as stored there, in the order of the test. */
  readonly stored: readonly string[];
}

/** A text that is nowhere in its column but in one other: of the same table, of a table in reach, or of one a key away. */
export const literalColumn: RepairRule = {
  name: 'literal-column',
  group: 'literals',
  on: 'rows',
  keepsRows: true,
  async propose(situation) {
    const { tree } = situation;
    const edits: Edit[] = [];
    const reasons: string[] = [];
    for (const test of literalTests(tree)) {
      if (!test.scope.onlyBaseTables) continue;
      const found = await moveTest(situation, test);
      if (found === null) continue;
      edits.push(found.edit);
      reasons.push(found.reason);
    }
    return proposal(tree, applyEdits(tree.source, edits), reasons.join(' '));
  },
};

async function moveTest(situation: Situation, test: LiteralTest): Promise<{ edit: Edit; reason: string } | null> {
  const texts =
    test.node.kind === 'like' ? test.texts.map(({ value }) => value.replaceAll(/^%+|%+$/g, '')) : test.texts.map(({ value }) => value);
  const { catalog, question } = situation;
  // A number that the question does not say was made up, wherever else it stands.
  if (texts.every((text) => /^\d+$/.test(text) && !question.folded.includes(text))) return null;
  if (!(await isElsewhere(situation, test, texts))) return null;
  const why = `“${catalog.columnName(test.table, test.name)}” has no cell “${texts[0] ?? ''}”`;
  const local = await findNearby(situation, test, texts);
  if (local === 'many') return null;
  if (local !== null) {
    const source = local.table === test.table ? test.source : test.scope.sources.find((candidate) => candidate.table === local.table);
    if (source === undefined) return null;
    const qualified = test.column.table !== null || test.scope.sources.length > 1 || source !== test.scope.sources[0];
    const name = quoteName(catalog.columnName(local.table, local.column));
    const text = `${qualified ? `${source.label}.` : ''}${name} ${operatorOf(test)} ${valuesText(test, local.stored)}`;
    return {
      edit: replaceSpan(test.node, text),
      reason: `${why}; “${catalog.columnName(local.table, local.column)}” of “${catalog.tableName(local.table)}” does.`,
    };
  }
  const far = await findAlongKeys(situation, test, texts);
  if (far === null) return null;
  let inner = `${quoteName(catalog.columnName(far.place.table, far.place.column))} IN (${far.place.stored.map(quoteString).join(', ')})`;
  for (const [index, step] of [...far.route.entries()].reverse()) {
    const query = `SELECT ${quoteName(catalog.columnName(step.toTable, step.toColumn))} FROM ${quoteName(catalog.tableName(step.toTable))} WHERE ${inner}`;
    const qualifier = index === 0 && (test.column.table !== null || test.scope.sources.length > 1) ? `${test.source.label}.` : '';
    inner = `${qualifier}${quoteName(catalog.columnName(step.table, step.column))} ${index === 0 && isNegated(test) ? 'NOT IN' : 'IN'} (${query})`;
  }
  return {
    edit: replaceSpan(test.node, inner),
    reason: `${why}; it stands in “${catalog.columnName(far.place.table, far.place.column)}” of “${catalog.tableName(far.place.table)}”, reached along the keys.`,
  };
}

/** False where the column does hold one of the texts, in whatever spelling. */
export async function isElsewhere({ holds, values, question }: Situation, test: LiteralTest, texts: readonly string[]): Promise<boolean> {
  const stored = await values(test.table, test.name);
  if (test.node.kind === 'like') {
    if (texts.some((text) => /[%_]/.test(text) || text.length < 3)) return false;
    return !texts.some((text) => [...stored.keys()].some((key) => key.includes(fold(text))));
  }
  for (const text of texts) {
    if (stored.has(fold(text)) || (await holds(test.table, test.name, text)) !== false || storedVariant(stored, text, question) !== null)
      return false;
  }
  return true;
}

async function findNearby(situation: Situation, test: LiteralTest, texts: readonly string[]): Promise<Place | 'many' | null> {
  const reach = [...new Set(test.scope.sources.flatMap((source) => source.table ?? []))];
  for (const tables of [[test.table], reach]) {
    const places = await placesOf(situation, tables, texts, test);
    if (places.length === 0) continue;
    const asked = places.filter((place) => situation.question.mentions(place.column));
    const chosen = places.length > 1 && asked.length > 0 ? asked : places;
    return chosen.length === 1 ? (chosen[0] ?? null) : 'many';
  }
  return null;
}

/** The text columns of the tables that hold every one of the texts. */
async function placesOf(
  { catalog, values }: Situation,
  tables: readonly string[],
  texts: readonly string[],
  skip: LiteralTest | null,
): Promise<Place[]> {
  const places: Place[] = [];
  for (const table of tables) {
    for (const column of catalog.tables.get(table)?.columnNames ?? []) {
      if ((skip?.table === table && skip.name === column) || !catalog.holdsText(table, column)) continue;
      const cells = await values(table, column);
      const stored = texts.flatMap((text) => cells.get(fold(text))?.[0] ?? []);
      if (stored.length === texts.length) places.push({ table, column, stored });
    }
  }
  return places;
}

/** At most two keys away; a way through the column's own key is better, two equally good ones are none. */
async function findAlongKeys(
  situation: Situation,
  test: LiteralTest,
  texts: readonly string[],
): Promise<{ route: readonly Key[]; place: Place } | null> {
  const { catalog } = situation;
  const routes: Key[][] = [];
  for (const first of catalog.edges(test.table)) {
    routes.push([first]);
    for (const second of catalog.edges(first.toTable))
      if (second.toTable !== test.table && second.toTable !== first.toTable) routes.push([first, second]);
  }
  const found: { rank: number; route: readonly Key[]; place: Place }[] = [];
  for (const route of routes) {
    const end = route.at(-1)?.toTable;
    if (end === undefined) continue;
    const places = await placesOf(situation, [end], texts, null);
    const only = places.length === 1 ? places[0] : undefined;
    if (only !== undefined) found.push({ rank: 2 * route.length + (route[0]?.column === test.name ? 0 : 1), route, place: only });
  }
  found.sort((a, b) => a.rank - b.rank);
  const [best, second] = found;
  return best === undefined || second?.rank === best.rank ? null : best;
}

function operatorOf(test: LiteralTest): string {
  if (test.node.kind === 'in') return isNegated(test) ? 'NOT IN' : 'IN';
  return isNegated(test) ? '!=' : '=';
}

function valuesText(test: LiteralTest, stored: readonly string[]): string {
  return test.node.kind === 'in' ? `(${stored.map(quoteString).join(', ')})` : quoteString(stored[0] ?? '');
}
