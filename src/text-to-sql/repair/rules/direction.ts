import { applyEdits, insertAt, replaceSpan } from '../../sql/patch.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { ASCENDING, DESCENDING } from './phrases.ts';

/** The question says descending or ascending, and the query sorts the other way. */
export const direction: RepairRule = {
  name: 'direction',
  group: 'question',
  on: 'rows',
  keepsRows: false,
  propose({ tree, question }) {
    const { orderBy, limit, cores } = tree.query;
    const term = orderBy?.terms[0];
    if (cores.length !== 1 || term === undefined || orderBy?.terms.length !== 1 || limit !== null) return Promise.resolve([]);
    const down = DESCENDING.test(question.text);
    const up = ASCENDING.test(question.text);
    if (down === up || term.descending === down) return Promise.resolve([]);
    // From the oldest to the youngest is ascending in dates of birth.
    if (/\b(age|old|young)/.test(question.folded) && /birth/i.test(tree.text(term))) return Promise.resolve([]);
    const word = down ? 'DESC' : 'ASC';
    const edit = term.direction === null ? insertAt(term.expression.end, ` ${word}`) : replaceSpan(term.direction, word);
    const reason = `The question asks for ${down ? 'descending' : 'ascending'} order.`;
    return Promise.resolve(proposal(tree, applyEdits(tree.source, [edit]), reason));
  },
};
