import { applyEdits, replaceSpan, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import { readTree, type SqlTree } from '../../sql/tree.ts';
import type { Catalog } from '../catalog.ts';
import { similarity } from '../words.ts';

export interface Step {
  readonly tree: SqlTree;
  readonly reasons: readonly string[];
}

/** Below this a table's name is not the same one misspelt. Chosen on train gold with names shortened, joined and pluralised. */
const MIN_SIMILARITY = 0.74;

/**
 * Tables that do not exist: the nearest name takes their place, in the qualifiers of columns too; a joined one without any near name is
 * left out, and its columns are then looked for elsewhere.
 */
export function mendUnknownTables(tree: SqlTree, catalog: Catalog): Step {
  const ctes = new Set(tree.all('cte').map((cte) => cte.name.name.toLowerCase()));
  const edits: Edit[] = [];
  const reasons: string[] = [];
  for (const scope of tree.scopes) {
    for (const source of scope.sources) {
      const node = source.node;
      if (source.table !== null || node.kind !== 'tableSource' || node.arguments !== null || ctes.has(node.name.name.toLowerCase()))
        continue;
      const nearest = nearestTable(node.name.name, catalog);
      if (nearest !== null) {
        const name = catalog.tableName(nearest);
        edits.push(replaceSpan({ start: node.schema?.start ?? node.name.start, end: node.name.end }, quoteName(name)));
        if (node.alias === null) {
          for (const column of tree.all('column')) {
            if (column.table?.name.toLowerCase() === source.alias) edits.push(replaceSpan(column.table, quoteName(name)));
          }
        }
        reasons.push(`There is no table “${node.name.name}”; the nearest name is “${name}”.`);
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

/** The tree after the edits; the tree as it was where they leave nothing that can be read. */
export function stepTo(tree: SqlTree, edits: readonly Edit[], reasons: readonly string[], catalog: Catalog): Step {
  if (edits.length === 0) return { tree, reasons: [] };
  const next = readTree(applyEdits(tree.source, edits), catalog.lookup);
  return next === null ? { tree, reasons: [] } : { tree: next, reasons };
}
