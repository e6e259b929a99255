import type { ColumnReference, Expression, Select } from '../../sql/ast.ts';
import { insertAt, replaceSpan, type Edit } from '../../sql/patch.ts';
import { printExpression } from '../../sql/print.ts';
import type { Scope } from '../../sql/scopes.ts';
import type { SqlTree } from '../../sql/tree.ts';
import type { Proposal, RepairRule, Situation } from '../rule.ts';

/** The parts of a condition that are joined by AND, parentheses around the whole taken off. */
export function conjuncts(condition: Expression): Expression[] {
  const bare = withoutParentheses(condition);
  if (bare.kind === 'binary' && bare.operator === 'AND') return [...conjuncts(bare.left), ...conjuncts(bare.right)];
  return [bare === condition || bare.kind !== 'binary' || bare.operator !== 'OR' ? bare : condition];
}

export function withoutParentheses(expression: Expression): Expression {
  const inner = expression.kind === 'parenthesised' && expression.items.length === 1 ? expression.items[0] : undefined;
  return inner === undefined ? expression : withoutParentheses(inner);
}

/** A rule on the outermost SELECT over tables that exist: what an inner query or a side of a set operation shows is for comparing, not for reading. */
export function selectRule(
  rule: Pick<RepairRule, 'name' | 'group' | 'keepsRows'> & {
    readonly propose: (situation: Situation, scope: Scope) => readonly Proposal[] | Promise<readonly Proposal[]>;
  },
): RepairRule {
  return {
    ...rule,
    on: 'rows',
    propose(situation) {
      const { tree } = situation;
      const scope = tree.scopes.find(({ query }) => query === tree.query);
      const fits = scope !== undefined && tree.query.cores.length === 1 && scope.onlyBaseTables;
      return Promise.resolve(fits ? rule.propose(situation, scope) : []);
    },
  };
}

/** The same expression up to blanks, comments and the case of names. */
export function sameExpression(a: Expression, b: Expression): boolean {
  return printExpression(withoutParentheses(a)).toLowerCase() === printExpression(withoutParentheses(b)).toLowerCase();
}

/** The table's name before the columns that have none, where another table will stand beside it. */
export function qualifyColumns(scope: Scope, columns: readonly ColumnReference[] = scope.columns()): Edit[] {
  return columns.flatMap((column) => {
    const { status, source } = scope.resolve(column);
    return column.table === null && status === 'ok' && source !== null ? [insertAt(column.start, `${source.label}.`)] : [];
  });
}

export interface ClauseTexts {
  /** The clause's content without its keyword; null takes the clause out, undefined leaves it. */
  readonly where?: string | null;
  readonly groupBy?: string | null;
  readonly having?: string | null;
}

/** One edit from WHERE to HAVING; the SELECT must have a FROM or at least one column before them. */
export function rewriteClauses(tree: SqlTree, select: Select, texts: ClauseTexts): Edit {
  const anchor = select.from?.end ?? select.columns.at(-1)?.end ?? select.end;
  const end = select.having?.end ?? select.groupBy?.end ?? select.where?.end ?? anchor;
  const content = (text: string | null | undefined, old: string | null) => (text === undefined ? old : text);
  const where = content(texts.where, select.where === null ? null : tree.text(select.where.condition));
  const first = select.groupBy?.expressions[0];
  const groupBy = content(
    texts.groupBy,
    select.groupBy === null || first === undefined ? null : tree.source.slice(first.start, select.groupBy.end),
  );
  const having = content(texts.having, select.having === null ? null : tree.text(select.having.condition));
  const clauses = [
    where === null ? '' : ` WHERE ${where}`,
    groupBy === null ? '' : ` GROUP BY ${groupBy}`,
    having === null ? '' : ` HAVING ${having}`,
  ];
  return replaceSpan({ start: anchor, end }, clauses.join(''));
}
