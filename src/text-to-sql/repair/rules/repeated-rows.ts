import type { Scope } from '../../sql/scopes.ts';
import { mendingRule } from '../rule.ts';
import { isAggregate } from './aggregates.ts';
import { belongings, lookedUp, replaceJoins, type Belonging } from './semi-join.ts';

/** Figures that change where a row is there twice. */
const ADDING = new Set(['sum', 'avg', 'total']);

/**
 * `avg(dog.age) FROM dog JOIN treatment`: a dog with two treatments would weigh twice; `FROM student JOIN friend JOIN likes`: a student with two
 * friends and three likes would be there six times. What is joined only says which rows are meant, so it is looked up with IN.
 */
export const repeatedRows = mendingRule({
  name: 'repeated-rows',
  group: 'joins',
  keepsRows: true,
  *find({ tree, catalog }) {
    for (const scope of tree.scopes) {
      if (scope.sources.length < 2 || !scope.onlyBaseTables) continue;
      const found = repeating(scope, belongings(scope, catalog));
      if (found.length === 0) continue;
      const tests = found.map((belonging) => {
        const conditions = belonging.conditions.map((part) => tree.text(part));
        return lookedUp(belonging, catalog, conditions);
      });
      const edits = replaceJoins(tree, scope, found, tests);
      if (edits.length === 0) continue;
      const reasons = found.map(
        ({ key }) =>
          `A row of “${catalog.tableName(key.toTable)}” came once for each of its rows in “${catalog.tableName(key.table)}”; now it comes once.`,
      );
      yield { edits, reason: reasons.join(' ') };
    }
  },
});

function repeating(scope: Scope, found: readonly Belonging[]): readonly Belonging[] {
  const figures = [...scope.own()].filter(isAggregate);
  if (figures.length > 0) return figures.every((call) => call.distinct === null && ADDING.has(call.name.name.toLowerCase())) ? found : [];
  if (scope.select.distinct !== null || scope.select.groupBy !== null) return [];
  const idle = found.filter(({ conditions }) => conditions.length === 0);
  return idle.filter(({ parent }) => idle.filter((other) => other.parent === parent).length > 1);
}
