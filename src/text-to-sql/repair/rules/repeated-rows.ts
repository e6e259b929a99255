import { applyEdits, type Edit } from '../../sql/patch.ts';
import type { Scope } from '../../sql/scopes.ts';
import type { SqlTree } from '../../sql/tree.ts';
import type { Catalog } from '../catalog.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { aggregatesIn } from './aggregates.ts';
import { belongings, lookedUp, replaceJoins, type Belonging } from './semi-join.ts';

/** Figures that change where a row is there twice. */
const ADDING = new Set(['sum', 'avg', 'total']);

/**
 * `avg(dog.age) FROM dog JOIN treatment`: a dog with two treatments would weigh twice; `FROM student JOIN friend JOIN likes`: a student with two
 * friends and three likes would be there six times. What is joined only says which rows are meant, so it is looked up with IN.
 */
export const repeatedRows: RepairRule = {
  name: 'repeated-rows',
  group: 'joins',
  on: 'rows',
  keepsRows: true,
  propose({ tree, catalog }) {
    const edits: Edit[] = [];
    const reasons: string[] = [];
    for (const scope of tree.scopes) mend(tree, scope, catalog, edits, reasons);
    return Promise.resolve(proposal(tree, applyEdits(tree.source, edits), reasons.join(' ')));
  },
};

function mend(tree: SqlTree, scope: Scope, catalog: Catalog, edits: Edit[], reasons: string[]): void {
  if (scope.sources.length < 2 || !scope.onlyBaseTables) return;
  const found = repeating(scope, belongings(scope, catalog));
  const tests = found.map((belonging) =>
    lookedUp(
      belonging,
      catalog,
      belonging.conditions.map((part) => tree.text(part)),
    ),
  );
  const own = found.length === 0 ? [] : replaceJoins(tree, scope, found, tests);
  if (own.length === 0) return;
  edits.push(...own);
  for (const { key } of found)
    reasons.push(
      `A row of “${catalog.tableName(key.toTable)}” came once for each of its rows in “${catalog.tableName(key.table)}”; now it comes once.`,
    );
}

function repeating(scope: Scope, found: readonly Belonging[]): readonly Belonging[] {
  const figures = [...scope.own()].flatMap((node) => aggregatesIn(node));
  if (figures.length > 0) return figures.every((call) => call.distinct === null && ADDING.has(call.name.name.toLowerCase())) ? found : [];
  if (scope.select.distinct !== null || scope.select.groupBy !== null) return [];
  const idle = found.filter(({ conditions }) => conditions.length === 0);
  return idle.filter(({ parent }) => idle.filter((other) => other.parent === parent).length > 1);
}
