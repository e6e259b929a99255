import type { ColumnReference } from '../../sql/ast.ts';
import { insertAt, replaceSpan, type Edit } from '../../sql/patch.ts';
import type { Scope, Source } from '../../sql/scopes.ts';
import type { SqlTree } from '../../sql/tree.ts';
import type { Catalog } from '../catalog.ts';
import { stepTo, type Step } from './unknown-table.ts';

/** Two sources of one FROM with the same name: the second gets its own, and the columns that only it has follow. */
export function splitDuplicateAliases(tree: SqlTree, catalog: Catalog): Step {
  const edits: Edit[] = [];
  const reasons: string[] = [];
  for (const scope of tree.scopes) {
    const seen = new Map<string, Source>();
    const taken = new Set(scope.sources.map((source) => source.alias));
    for (const source of scope.sources) {
      const first = seen.get(source.alias);
      if (first === undefined || source.table === null || source.columns === null || source.node.kind !== 'tableSource') {
        seen.set(source.alias, source);
        continue;
      }
      let fresh = `${source.alias}2`;
      while (taken.has(fresh)) fresh += '2';
      taken.add(fresh);
      const { alias, name } = source.node;
      edits.push(alias === null ? insertAt(name.end, ` AS ${fresh}`) : replaceSpan(alias, fresh));
      for (const column of columnsOfSecond(scope, source, first)) if (column.table !== null) edits.push(replaceSpan(column.table, fresh));
      reasons.push(`“${source.label}” named two tables; the second is now “${fresh}”.`);
    }
  }
  return stepTo(tree, edits, reasons, catalog);
}

function columnsOfSecond(scope: Scope, second: Source, first: Source): Set<ColumnReference> {
  const moved = new Set<ColumnReference>();
  const carries = (source: Source, column: ColumnReference) => source.columns?.has(column.name.name.toLowerCase()) === true;
  const isShared = (column: ColumnReference) => column.table?.name.toLowerCase() === second.alias;
  for (const column of scope.columns()) if (isShared(column) && carries(second, column) && !carries(first, column)) moved.add(column);
  for (const node of scope.own()) {
    if (node.kind !== 'binary' || node.operator !== '=' || !scope.inJoin(node)) continue;
    const { left, right } = node;
    if (left.kind !== 'column' || right.kind !== 'column' || !isShared(left) || !isShared(right)) continue;
    // `T1.id = T1.id` in a join: one side must be the second table.
    if (moved.has(left) || moved.has(right)) continue;
    if (carries(first, left) && carries(second, right)) moved.add(right);
    else if (carries(first, right) && carries(second, left)) moved.add(left);
  }
  return moved;
}
