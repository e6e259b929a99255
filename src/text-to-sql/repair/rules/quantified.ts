import { closingBracket, isOperator, isWord } from '../../sql/brackets.ts';
import { parseQuery } from '../../sql/parse.ts';
import { applyEdits, type Edit } from '../../sql/patch.ts';
import { tokenize } from '../../sql/tokenize.ts';
import { textRule } from '../rule.ts';

/** `> ANY (SELECT …)` and `> ALL (SELECT …)` of other databases: a comparison with the smallest or largest value, or IN. */
export const quantified = textRule({
  name: 'quantified',
  reason: 'SQLite has no ANY and no ALL before a query; the smallest or largest value, or IN, says the same.',
  rewrite: withoutQuantifiers,
});

const QUANTIFIERS = ['ANY', 'SOME', 'ALL'] as const;

function withoutQuantifiers(source: string): string {
  const read = tokenize(source);
  if (!read.ok) return source;
  const tokens = read.value;
  const edits: Edit[] = [];
  tokens.forEach((operator, at) => {
    const word = tokens[at + 1];
    const open = tokens[at + 2];
    if (operator.type !== 'operator' || word === undefined || !isWord(word, ...QUANTIFIERS) || open === undefined || !isOperator(open, '('))
      return;
    const close = closingBracket(tokens, at + 2);
    const end = close === null ? undefined : tokens[close]?.start;
    if (end === undefined) return;
    const inner = source.slice(open.end, end);
    const all = word.value === 'ALL';
    const cut: Edit = { start: word.start, end: open.start, text: '' };
    if (operator.value === '=' && !all) edits.push({ start: operator.start, end: open.start, text: 'IN ' });
    else if ((operator.value === '!=' || operator.value === '<>') && all)
      edits.push({ start: operator.start, end: open.start, text: 'NOT IN ' });
    else if (/^[<>]=?$/.test(operator.value)) {
      const extreme = operator.value.startsWith('>') === all ? 'MAX' : 'MIN';
      const query = extremeOf(inner, extreme);
      if (query !== null) edits.push(cut, { start: open.end, end, text: query });
    }
  });
  return applyEdits(source, edits);
}

/** The query that gives the smallest or largest of a query's values; null where its one column cannot be told. */
function extremeOf(inner: string, extreme: 'MIN' | 'MAX'): string | null {
  const parsed = parseQuery(inner);
  if (!parsed.ok) return null;
  const { cores, ctes, limit } = parsed.value;
  const core = cores[0];
  const column = core?.kind === 'select' && core.columns.length === 1 ? core.columns[0] : undefined;
  if (core?.kind !== 'select' || column === undefined || column.expression === null || ctes.length > 0) return null;
  const { start, end } = column.expression;
  if (cores.length === 1 && limit === null && core.groupBy === null && core.having === null)
    return applyEdits(inner, [{ start, end, text: `${extreme}(${inner.slice(start, end)})` }]);
  const name = column.alias?.name ?? 'each_value';
  const named = column.alias === null ? applyEdits(inner, [{ start: end, end, text: ` AS ${name}` }]) : inner;
  return `SELECT ${extreme}(${name}) FROM (${named})`;
}
