import type { Call, Node } from '../text-to-sql/sql/ast.ts';
import { walk } from '../text-to-sql/sql/ast.ts';
import type { Scope, TableLookup } from '../text-to-sql/sql/scopes.ts';
import { readTree } from '../text-to-sql/sql/tree.ts';
import type { SqlTree } from '../text-to-sql/sql/tree.ts';

/**
 * Functions that SQLite has got since 3.40, by name, with the numbers of arguments that are new; [] where all are. From a comparison of
 * `pragma_function_list` of 3.40.1 and 3.54.1.
 */
const NEWER_FUNCTIONS: ReadonlyMap<string, readonly number[]> = new Map(
  [
    ...['concat', 'concat_ws', 'if', 'json_array_insert', 'json_error_position', 'json_pretty', 'octet_length', 'string_agg'],
    ...['timediff', 'unhex', 'unistr', 'unistr_quote', 'jsonb', 'jsonb_array', 'jsonb_array_insert', 'jsonb_extract', 'jsonb_group_array'],
    ...['jsonb_group_object', 'jsonb_insert', 'jsonb_object', 'jsonb_patch', 'jsonb_remove', 'jsonb_replace', 'jsonb_set'],
  ].map((name): [string, number[]] => [name, []]),
)
  .set('json_valid', [2])
  .set('iif', [2, 4, 5, 6, 7, 8, 9]);

/**
 * Why SQLite 3.40 refuses a query that the SQLite here runs, or null. Published verdicts were made with an SQLite of that age (Python 3.11
 * brings it), so that a prediction which needs a newer one counts as failed in them. Four things have changed that models write:
 * - ORDER BY and GROUP BY of a subquery could not name columns of the query around it ("no such column"); they can now;
 * - functions came, CONCAT among them;
 * - aggregate functions take ORDER BY inside their brackets;
 * - digits may be grouped with underscores.
 */
export function refusedBySqlite340(sql: string, lookup: TableLookup): string | null {
  const tree = readTree(sql, lookup);
  if (tree === null) return null;
  for (const node of walk(tree.query)) {
    if (node.kind === 'call') {
      const reason = refusedCall(node);
      if (reason !== null) return reason;
    }
    if (node.kind === 'literal' && node.type === 'number' && tree.text(node).includes('_'))
      return `unrecognized token: "${tree.text(node)}"`;
  }
  return outerColumnInOrder(tree);
}

function refusedCall(call: Call): string | null {
  if (call.orderBy !== null) return 'near "ORDER": syntax error';
  const newer = NEWER_FUNCTIONS.get(call.name.name.toLowerCase());
  if (newer === undefined || (newer.length > 0 && !newer.includes(call.arguments.length))) return null;
  return newer.length === 0 ? `no such function: ${call.name.name}` : `wrong number of arguments to function ${call.name.name}()`;
}

function outerColumnInOrder(tree: SqlTree): string | null {
  for (const scope of tree.scopes) {
    if (scope.parent === null) continue;
    const outer = new Set(ancestors(scope).flatMap((ancestor) => ancestor.sources));
    const clauses: (Node | null)[] = [scope.select.groupBy, scope.query.cores.length === 1 ? scope.query.orderBy : null];
    for (const clause of clauses) {
      if (clause === null) continue;
      for (const inner of tree.scopes) {
        if (inner !== scope && !ancestors(inner).includes(scope)) continue;
        for (const column of inner.columns()) {
          if (column.start < clause.start || column.end > clause.end) continue;
          const { status, source } = inner.resolve(column);
          // A name in double quotes that is no column of the subquery was text for 3.40, not an error.
          if (status === 'outer' && source !== null && outer.has(source) && column.name.quote !== '"')
            return `no such column: ${tree.text(column)}`;
        }
      }
    }
  }
  return null;
}

function ancestors(scope: Scope): Scope[] {
  return scope.parent === null ? [] : [scope.parent, ...ancestors(scope.parent)];
}
