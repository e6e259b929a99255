import { applyEdits, type Edit } from '../sql/patch.ts';
import type { SqlTree } from '../sql/tree.ts';
import type { Catalog } from './catalog.ts';
import type { FoldedValues, Outcome } from './facts.ts';
import type { Question } from './question.ts';

export type RuleGroup = 'names' | 'aggregates' | 'literals' | 'joins' | 'question' | 'habits';

/** What a rule can ask while it looks at one statement. Every question to the database is under the repair's time. */
export interface Situation {
  readonly tree: SqlTree;
  readonly question: Question;
  readonly catalog: Catalog;
  /** What the statement gave as it stands. */
  readonly outcome: Outcome;
  readonly run: (sql: string) => Promise<Outcome>;
  readonly values: (table: string, column: string) => Promise<FoldedValues>;
  /** Whether the column holds exactly this text; null where that is not known. */
  readonly holds: (table: string, column: string, value: string) => Promise<boolean | null>;
  readonly unique: (table: string, column: string) => Promise<boolean>;
}

export interface Proposal {
  readonly sql: string;
  /** A sentence for the person: what is changed and why. */
  readonly reason: string;
  /** A guess: good where nothing else runs, not a better answer than an empty one. */
  readonly lastResort?: boolean;
}

export interface RepairRule {
  /** Kebab-case, shown in reports. */
  readonly name: string;
  readonly group: RuleGroup;
  /** Whether it mends statements that fail or looks at those that run. */
  readonly on: 'error' | 'rows';
  /** What has to be put right before the others can judge by the database's word; kept where the statement runs in the end. */
  readonly first?: true;
  /** A proposal that makes a result empty that was not is refused. */
  readonly keepsRows: boolean;
  /** Proposals, best first; the engine takes one that SQLite accepts. */
  propose(situation: Situation): Promise<readonly Proposal[]>;
}

/** A rule that works on the bare text as well, which no parser may be able to read. */
export interface TextRule extends RepairRule {
  readonly reason: string;
  rewrite(source: string, catalog: Catalog): string;
}

export function textRule(rule: Pick<TextRule, 'name' | 'reason' | 'rewrite'>): TextRule {
  return {
    ...rule,
    group: 'names',
    on: 'error',
    first: true,
    keepsRows: false,
    propose: ({ tree, catalog }) => Promise.resolve(proposal(tree, rule.rewrite(tree.source, catalog), rule.reason)),
  };
}

/** One thing put right. */
export interface Mending {
  readonly edits: readonly Edit[];
  /** A sentence for the person. */
  readonly reason: string;
}

/** A rule that looks at a statement that runs and puts right every place that it finds, in one proposal. */
export function mendingRule(
  rule: Pick<RepairRule, 'name' | 'group' | 'keepsRows'> & {
    readonly find: (situation: Situation) => Iterable<Mending> | AsyncIterable<Mending>;
  },
): RepairRule {
  return {
    ...rule,
    on: 'rows',
    async propose(situation) {
      const found: Mending[] = [];
      for await (const mending of rule.find(situation)) found.push(mending);
      const { tree } = situation;
      const sql = applyEdits(
        tree.source,
        found.flatMap(({ edits }) => edits),
      );
      return proposal(tree, sql, found.map(({ reason }) => reason).join(' '));
    },
  };
}

export function proposal(tree: SqlTree, sql: string, reason: string): readonly Proposal[] {
  return sql === tree.source ? [] : [{ sql, reason }];
}

export type { Edit };
