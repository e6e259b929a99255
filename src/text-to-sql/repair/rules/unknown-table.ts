import { applyEdits, replaceSpan, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import { readTree, type SqlTree } from '../../sql/tree.ts';
import type { Scope, Source } from '../../sql/scopes.ts';
import type { Catalog } from '../catalog.ts';
import { nearColumns } from './near-columns.ts';
import type { Question } from '../question.ts';
import { similarity } from '../words.ts';

export interface Step {
  readonly tree: SqlTree;
  readonly reasons: readonly string[];
}

/** Below this a table's name is not the same one misspelt. Chosen on train gold with names shortened, joined and pluralised. */
const MIN_SIMILARITY = 0.74;
/** A table without any name like it is only meant where its columns are nearly the same. */
const MIN_COLUMN_SIMILARITY = 0.84;

/**
 * Tables that do not exist: the nearest name takes their place, in the qualifiers of columns too; a joined one without any near name is
 * left out, and its columns are then looked for elsewhere.
 */
export function mendUnknownTables(tree: SqlTree, catalog: Catalog, question: Question): Step {
  const ctes = new Set(tree.all('cte').map((cte) => cte.name.name.toLowerCase()));
  const edits: Edit[] = [];
  const reasons: string[] = [];
  for (const scope of tree.scopes) {
    for (const source of scope.sources) {
      const node = source.node;
      if (source.table !== null || node.kind !== 'tableSource' || node.arguments !== null || ctes.has(node.name.name.toLowerCase()))
        continue;
      const nearest = nearestTable(node.name.name, catalog);
      const meant = nearest ?? tableByColumns(scope, source, catalog, question);
      if (meant !== null) {
        const name = catalog.tableName(meant);
        edits.push(replaceSpan({ start: node.schema?.start ?? node.name.start, end: node.name.end }, quoteName(name)));
        if (node.alias === null) {
          for (const column of tree.all('column')) {
            if (column.table?.name.toLowerCase() === source.alias) edits.push(replaceSpan(column.table, quoteName(name)));
          }
        }
        const why = nearest === null ? `“${name}” has the columns that are asked of it` : `the nearest name is “${name}”`;
        reasons.push(`There is no table “${node.name.name}”; ${why}.`);
      } else if (source.item.join !== null) {
        edits.push(replaceSpan(source.item, ''));
        reasons.push(`There is no table “${node.name.name}” and none with a name like it, so it was left out.`);
      }
    }
  }
  return stepTo(tree, edits, reasons, catalog);
}

export function nearestTable(name: string, catalog: Catalog): string | null {
  let best: string | null = null;
  let bestScore = MIN_SIMILARITY;
  for (const table of catalog.tables.keys()) {
    const score = similarity(name, table);
    if (score > bestScore || (score === bestScore && best === null)) {
      best = table;
      bestScore = score;
    }
  }
  return best;
}

/** The one table that has what is asked of a table that does not exist; of several the one that the question names most of. */
function tableByColumns(scope: Scope, source: Source, catalog: Catalog, question: Question): string | null {
  const asked = scope.columns().filter((column) => {
    if (column.table !== null) return column.table.name.toLowerCase() === source.alias;
    return scope.sources.length === 1 && scope.resolve(column).status === 'missing';
  });
  if (asked.length === 0) return null;
  const names = [...new Set(asked.map((column) => column.name.name.toLowerCase()))];
  // What is only joined and never used does not say what it is: then the question has to.
  const idle = asked.every((column) => scope.inJoin(column));
  const here = new Set(scope.sources.map((other) => other.table));
  let best: { table: string; worth: number } | null = null;
  let tied = false;
  for (const [key, table] of catalog.tables) {
    const mentioned = question.countMentioned(table.name, '');
    if (here.has(key) || (idle && mentioned === 0)) continue;
    const scores = names.map((name) =>
      table.columnNames.has(name) ? 1 : (nearColumns(catalog, key, name, MIN_COLUMN_SIMILARITY)[0]?.score ?? 0),
    );
    if (scores.includes(0)) continue;
    const worth = scores.reduce((sum, score) => sum + score, 0) / scores.length + 0.1 * mentioned;
    if (best !== null && Math.abs(worth - best.worth) < 0.01) tied = true;
    else if (best === null || worth > best.worth) {
      best = { table: key, worth };
      tied = false;
    }
  }
  return tied ? null : (best?.table ?? null);
}

/** The tree after the edits; the tree as it was where they leave nothing that can be read. */
export function stepTo(tree: SqlTree, edits: readonly Edit[], reasons: readonly string[], catalog: Catalog): Step {
  if (edits.length === 0) return { tree, reasons: [] };
  const next = readTree(applyEdits(tree.source, edits), catalog.lookup);
  return next === null ? { tree, reasons: [] } : { tree: next, reasons };
}
