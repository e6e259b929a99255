import { walkOwn } from '../../sql/ast.ts';
import { applyEdits, replaceSpan } from '../../sql/patch.ts';
import { proposal, type RepairRule } from '../rule.ts';

/** A habit of Spider's answers: first and last name are two columns, never one text. */
export const splitNames: RepairRule = {
  name: 'split-names',
  group: 'habits',
  on: 'rows',
  keepsRows: false,
  propose({ tree }) {
    const core = tree.query.cores[0];
    if (tree.query.cores.length !== 1 || core?.kind !== 'select') return Promise.resolve([]);
    const edits = core.columns.flatMap((column) => {
      const expression = column.expression;
      const joins = expression?.kind === 'binary' && expression.operator === '||';
      const concatenates = expression?.kind === 'call' && expression.name.name.toLowerCase().startsWith('concat');
      if (expression === null || !(joins || concatenates)) return [];
      const parts = [...walkOwn(expression)].filter((node) => node.kind === 'column' && !isText(tree, node));
      return parts.length === 0 ? [] : [replaceSpan(column, parts.map((part) => tree.text(part)).join(', '))];
    });
    return Promise.resolve(proposal(tree, applyEdits(tree.source, edits), 'The parts of a joined text are shown as columns of their own.'));
  },
};

function isText(
  tree: Parameters<RepairRule['propose']>[0]['tree'],
  node: ReturnType<typeof walkOwn> extends Generator<infer Item> ? Item : never,
): boolean {
  return node.kind === 'column' && tree.scopes.some((scope) => scope.columns().includes(node) && scope.resolve(node).status === 'string');
}
