import { quoteName } from '../../sql/print.ts';
import { mendingRule } from '../rule.ts';
import { fold } from '../words.ts';
import { saidFlags } from './flags.ts';
import { belongings, lookedUp, replaceJoins } from './semi-join.ts';

const NOT = /\b(?:not|no|never|without)\b|n't\b|n’t\b/;
/** "Not English" right before the text itself says no more than !=. */
const JUST_BEFORE = /(?:\b(?:not|no)\b|n't\b|n’t\b)(?: (?:a|an|the|in|from|at|on|for|as|called|named))*[ "'`]*$/;

/**
 * "Countries where English is not spoken": those none of whose languages is English, not those that have another one as well, which is all
 * that `JOIN … WHERE language != 'English'` says.
 */
export const notAny = mendingRule({
  name: 'not-any',
  group: 'question',
  keepsRows: true,
  async *find(situation) {
    const { tree, catalog, question } = situation;
    for (const scope of tree.scopes) {
      if (scope.sources.length < 2 || !scope.onlyBaseTables) continue;
      for (const belonging of belongings(scope, catalog)) {
        const { key, conditions } = belonging;
        const [part, second] = conditions;
        if (part?.kind !== 'binary' || part.operator !== '!=' || part.right.kind !== 'literal' || second !== undefined) continue;
        if (!isOfAll(question.folded, fold(part.right.value))) continue;
        const flags = await saidFlags(situation, key.table);
        const tests = [
          `${tree.text(part.left)} = ${tree.text(part.right)}`,
          ...flags.map(({ name, yes }) => `${quoteName(name)} = ${yes}`),
        ];
        const edits = replaceJoins(tree, scope, [belonging], [lookedUp(belonging, catalog, tests, true)]);
        if (edits.length === 0) continue;
        yield {
          edits,
          reason: `With != a row of “${catalog.tableName(key.toTable)}” stays if any of its rows in “${catalog.tableName(key.table)}” is another; the question wants those none of whose is “${part.right.value}”.`,
        };
        break;
      }
    }
  },
});

function isOfAll(question: string, value: string): boolean {
  const at = question.indexOf(value);
  return value !== '' && at >= 0 && NOT.test(question) && !JUST_BEFORE.test(question.slice(0, at));
}
