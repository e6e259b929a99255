import type { Select } from '../../sql/ast.ts';
import { applyEdits, insertAt } from '../../sql/patch.ts';
import type { SqlTree } from '../../sql/tree.ts';
import type { Catalog } from '../catalog.ts';
import { tellingWords } from '../question.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { fold, stem } from '../words.ts';
import { aggregatesIn, isCount } from './aggregates.ts';

/** "… and how many languages they speak": a count is a part of the answer. */
const ASKS_COUNT =
  /(?:\b(?:and|along with|as well as|together with|with)|,)\s+(?:also\s+)?(?:the\s+)?(?:total\s+)?(?:how many|number of|count of)\b([^.?,]*)/i;
/** So many words after "how many" say what is counted. */
const COUNTED_WORDS = 3;

/** The count that orders or picks the groups, where the question asks for it as well. */
export const askedCount: RepairRule = {
  name: 'asked-count',
  group: 'question',
  on: 'rows',
  keepsRows: true,
  propose({ tree, question, catalog }) {
    const asked = ASKS_COUNT.exec(question.text);
    const [core, side] = tree.query.cores;
    if (core?.kind !== 'select' || side !== undefined || core.groupBy === null || asked === null) return Promise.resolve([]);
    const last = core.columns.at(-1);
    const isPlain = core.columns.every((column) => column.expression !== null && aggregatesIn(column).length === 0);
    if (last === undefined || !isPlain || isMeasured(tree, core, asked[1] ?? '', catalog)) return Promise.resolve([]);
    const counts = [core.having, tree.query.orderBy].flatMap((part) => (part === null ? [] : aggregatesIn(part).filter(isCount)));
    const [text, second] = new Set(counts.map((count) => tree.text(count)));
    if (text === undefined || second !== undefined) return Promise.resolve([]);
    const edit = insertAt(last.end, `, ${text}`);
    return Promise.resolve(proposal(tree, applyEdits(tree.source, [edit]), `The question asks how many as well, so “${text}” is shown.`));
  },
};

/** "How many points does this player have": a number that stands in a column. */
function isMeasured(tree: SqlTree, core: Select, words: string, catalog: Catalog): boolean {
  const counted = new Set((fold(words).match(/[\p{L}\p{N}]+/gu) ?? []).slice(0, COUNTED_WORDS).map(stem));
  return (tree.scopeOf(core)?.sources ?? []).some(
    ({ table }) =>
      table !== null &&
      [...(catalog.tables.get(table)?.columnNames ?? [])].some(
        (column) => !catalog.holdsText(table, column) && tellingWords(column).some((word) => word.length > 2 && counted.has(word)),
      ),
  );
}
