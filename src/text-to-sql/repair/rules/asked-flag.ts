import { applyEdits, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { rewriteClauses } from './clauses.ts';
import { saidFlags } from './flags.ts';
import { NEGATION } from './phrases.ts';

/** "Official languages" where a column `is_official` says which those are and the query does not ask it. */
export const askedFlag: RepairRule = {
  name: 'asked-flag',
  group: 'question',
  on: 'rows',
  keepsRows: true,
  async propose(situation) {
    const { tree, question } = situation;
    // "Not official" may be said of anything in the question.
    if (NEGATION.test(question.text)) return [];
    const edits: Edit[] = [];
    const reasons: string[] = [];
    for (const { select, sources } of tree.scopes) {
      const conditions: string[] = [];
      for (const { table, label } of select.from === null ? [] : sources) {
        // Of two rows of one table, which is meant?
        if (table === null || sources.filter((other) => other.table === table).length > 1) continue;
        for (const { name, words, yes } of await saidFlags(situation, table)) {
          conditions.push(`${sources.length > 1 ? `${label}.` : ''}${quoteName(name)} = ${yes}`);
          reasons.push(`The question asks for those that are ${words.join(' ')}, which “${name}” says.`);
        }
      }
      if (conditions.length === 0) continue;
      const before = select.where?.condition ?? null;
      const isEither = before?.kind === 'binary' && before.operator === 'OR';
      const kept = before === null ? [] : [isEither ? `(${tree.text(before)})` : tree.text(before)];
      edits.push(rewriteClauses(tree, select, { where: [...kept, ...conditions].join(' AND ') }));
    }
    return proposal(tree, applyEdits(tree.source, edits), reasons.join(' '));
  },
};
