import type { OrderTerm } from '../../sql/ast.ts';
import { applyEdits, insertAt, replaceSpan } from '../../sql/patch.ts';
import type { Question } from '../question.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { ASCENDING, DESCENDING } from './phrases.ts';

/** The question says descending or ascending, or asks for the oldest or latest, and the query sorts the other way. */
export const direction: RepairRule = {
  name: 'direction',
  group: 'question',
  on: 'rows',
  keepsRows: false,
  propose({ tree, question }) {
    const { orderBy, limit, cores } = tree.query;
    const term = orderBy?.terms[0];
    if (cores.length !== 1 || term === undefined || orderBy?.terms.length !== 1) return Promise.resolve([]);
    const down = limit === null ? wholeOrder(term, question) : firstRow(term, question);
    if (down === null || term.descending === down) return Promise.resolve([]);
    const word = down ? 'DESC' : 'ASC';
    const edit = term.direction === null ? insertAt(term.expression.end, ` ${word}`) : replaceSpan(term.direction, word);
    const reason =
      limit === null
        ? `The question asks for ${down ? 'descending' : 'ascending'} order.`
        : `What is asked for comes first in ${down ? 'descending' : 'ascending'} order.`;
    return Promise.resolve(proposal(tree, applyEdits(tree.source, [edit]), reason));
  },
};

/** Whether the rows are asked for in descending order; null where nothing is said of it. */
function wholeOrder(term: OrderTerm, question: Question): boolean | null {
  const down = DESCENDING.test(question.text);
  if (down === ASCENDING.test(question.text)) return null;
  // From the oldest to the youngest is ascending in dates of birth.
  return /\b(age|old|young)/.test(question.folded) && BIRTH.test(nameOf(term)) ? null : down;
}

const BIRTH = /birth|born|\bdob\b/i;
const WHEN = /date|year|time|day\b/i;

/** Which end of the order the wanted row is at, where the column is a time or an age. */
function firstRow(term: OrderTerm, question: Question): boolean | null {
  const old = /\boldest\b/.test(question.folded);
  const young = /\byoungest\b/.test(question.folded);
  const name = nameOf(term);
  if (old !== young) return BIRTH.test(name) ? young : /^age$|_age$/i.test(name) ? old : null;
  const late = /\b(latest|most recent|most recently|newest)\b/.test(question.folded);
  const early = /\b(earliest|least recent)\b/.test(question.folded);
  return late === early || !WHEN.test(name) || BIRTH.test(name) ? null : late;
}

function nameOf(term: OrderTerm): string {
  return term.expression.kind === 'column' ? term.expression.name.name : '';
}
