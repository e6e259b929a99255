import type { Database, Schema } from '../../database/database.ts';
import type { ColumnValues } from '../link-values.ts';
import { readTree, type SqlTree } from '../sql/tree.ts';
import { Catalog } from './catalog.ts';
import { Facts, isDull, type Outcome } from './facts.ts';
import { Question } from './question.ts';
import type { Proposal, RepairRule, RuleGroup, Situation } from './rule.ts';
import { ALL_RULES, TEXT_RULES } from './rules/all-rules.ts';
import { misreadsOuterColumn } from './rules/names.ts';

export interface RepairChange {
  readonly rule: string;
  readonly group: RuleGroup;
  /** A sentence (or some) for the person: what was changed and why. */
  readonly reason: string;
  /** The whole statement before and after this change. */
  readonly before: string;
  readonly after: string;
}

export interface RepairResult {
  readonly sql: string;
  /** In the order in which they were made; empty where `sql` is the original. */
  readonly changes: readonly RepairChange[];
  readonly original: string;
  /** How many statements the database was asked. */
  readonly statements: number;
}

export interface RepairOptions {
  /** Spider's habits: LEFT JOIN to JOIN, joined texts to columns, "both" to INTERSECT. Off unless asked for: they are a benchmark's taste. */
  readonly habits?: boolean;
  /** What is known of the database, kept from question to question. Without it the schema is read anew. */
  readonly facts?: Facts;
  readonly schema?: Schema;
  /** Cells already at hand. */
  readonly values?: readonly ColumnValues[];
  /** A rule is tried where this is true of it; for measuring one rule alone, or all but one. */
  readonly uses?: (rule: RepairRule) => boolean;
  /** For one statement, in milliseconds. */
  readonly timeoutMs?: number;
  /** For the whole repair, in milliseconds: after it, what has been found so far is returned. */
  readonly budgetMs?: number;
  /** Milliseconds that only grow. */
  readonly now?: () => number;
}

const STATEMENT_MS = 500;
const BUDGET_MS = 1_500;
const MAX_STATEMENTS = 200;
/** Longer statements than anyone writes pass through. */
const MAX_LENGTH = 20_000;

/** Reads the schema once, for as many repairs as the database stays the same. Null where the schema cannot be read. */
export async function readFacts(database: Database, options: Pick<RepairOptions, 'schema' | 'values'> = {}): Promise<Facts | null> {
  if (options.schema !== undefined) return new Facts(database, new Catalog(options.schema), options.values);
  const schema = await database.schema();
  return schema.ok ? new Facts(database, new Catalog(schema.value), options.values) : null;
}

/**
 * Puts right what the database itself can put right in a model's SQL: a list of rules, each judged by whether SQLite accepts what it makes.
 * Never throws for the SQL's sake and never sees a reference answer. What the parser does not know passes through untouched.
 */
export async function repair(sql: string, database: Database, question: string, options: RepairOptions = {}): Promise<RepairResult> {
  const facts = options.facts ?? (await readFacts(database, options));
  if (facts === null || sql.length > MAX_LENGTH) return { sql, changes: [], original: sql, statements: 0 };
  const run = new RepairRun(facts, new Question(question), options);
  return run.repair(sql);
}

interface Standing {
  readonly tree: SqlTree;
  readonly outcome: Outcome;
}

class RepairRun {
  readonly #facts: Facts;
  readonly #question: Question;
  readonly #rules: readonly RepairRule[];
  readonly #timeoutMs: number;
  readonly #now: () => number;
  readonly #endsAt: number;
  readonly #changes: RepairChange[] = [];
  #statements = 0;
  #stopped = false;

  constructor(facts: Facts, question: Question, options: RepairOptions) {
    this.#facts = facts;
    this.#question = question;
    const uses = options.uses ?? (() => true);
    this.#rules = ALL_RULES.filter((rule) => (rule.group !== 'habits' || options.habits === true) && uses(rule));
    this.#timeoutMs = options.timeoutMs ?? STATEMENT_MS;
    this.#now = options.now ?? (() => performance.now());
    this.#endsAt = this.#now() + (options.budgetMs ?? BUDGET_MS);
  }

  async repair(sql: string): Promise<RepairResult> {
    let standing = await this.#begin(sql);
    if (standing?.outcome.status === 'error') standing = await this.#mendError(standing);
    // It runs, but the names are what is wrong with it.
    else if (standing?.outcome.status === 'rows' && misreadsOuterColumn(standing.tree)) standing = await this.#mendNames(standing);
    if (standing?.outcome.status === 'rows') standing = await this.#mendRows(standing);
    // What is not seen to run in the end is the person's own again: theirs is the better error to read.
    if (standing?.outcome.status !== 'rows') return { sql, changes: [], original: sql, statements: this.#statements };
    return { sql: standing.tree.source, changes: this.#changes, original: sql, statements: this.#statements };
  }

  /** The statement as it stands; where it cannot even be read, with what may be in the way put right. */
  async #begin(sql: string): Promise<Standing | null> {
    const { lookup } = this.#facts.catalog;
    const tree = readTree(sql, lookup);
    const outcome = await this.#run(sql);
    if (tree !== null) return { tree, outcome };
    // What SQLite can read, though the parser here cannot, has nothing in it to put right.
    if (outcome.status !== 'error') return null;
    let text = sql;
    for (const rule of TEXT_RULES) {
      if (!this.#rules.includes(rule)) continue;
      const before = text;
      text = rule.rewrite(before, this.#facts.catalog);
      if (text !== before) this.#record(rule, rule.reason, before, text);
      const read = readTree(text, lookup);
      if (read !== null) return { tree: read, outcome: await this.#run(text) };
    }
    this.#changes.length = 0;
    return null;
  }

  async #run(sql: string): Promise<Outcome> {
    const left = this.#endsAt - this.#now();
    if (this.#stopped || left <= 0 || this.#statements >= MAX_STATEMENTS) return { status: 'stopped' };
    this.#statements += 1;
    const outcome = await this.#facts.run(sql, Math.min(this.#timeoutMs, left));
    // One statement past its time is enough: the database had to be opened again.
    if (outcome.status === 'stopped') this.#stopped = true;
    return outcome;
  }

  #left(): number {
    return this.#stopped ? 0 : Math.min(this.#timeoutMs, this.#endsAt - this.#now());
  }

  #situation({ tree, outcome }: Standing): Situation {
    const facts = this.#facts;
    return {
      tree,
      outcome,
      question: this.#question,
      catalog: facts.catalog,
      run: (sql) => this.#run(sql),
      values: async (table, column) => (this.#left() > 0 ? facts.values(table, column, this.#left()) : new Map()),
      holds: async (table, column, value) => (this.#left() > 0 ? facts.holds(table, column, value, this.#left()) : null),
      unique: async (table, column) => this.#left() > 0 && (await facts.unique(table, column, this.#left())),
    };
  }

  async #mendError(failing: Standing): Promise<Standing> {
    let standing = failing;
    for (const rule of this.#rules.filter((candidate) => candidate.first === true)) {
      if (standing.outcome.status === 'error') standing = (await this.#step(standing, rule)) ?? standing;
    }
    const aggregates = this.#rules.find((rule) => rule.group === 'aggregates');
    if (aggregates !== undefined && standing.outcome.status === 'error' && isAboutAggregates(standing.outcome.message)) {
      const mended = await this.#tryAggregates(standing, aggregates);
      if (mended !== null) standing = mended;
    }
    return standing.outcome.status === 'error' ? this.#mendNames(standing) : standing;
  }

  /** By the first rule that makes it run, with the first of its proposals that gives a row. */
  async #mendNames(standing: Standing): Promise<Standing> {
    const aggregates = this.#rules.find((rule) => rule.group === 'aggregates');
    let best: { proposal: Proposal; standing: Standing; rule: RepairRule } | null = null;
    for (const rule of this.#rules.filter(
      (candidate) => candidate.on === 'error' && candidate.first !== true && candidate !== aggregates,
    )) {
      for (const proposal of await rule.propose(this.#situation(standing))) {
        const tried = await this.#tryProposal(proposal, aggregates);
        if (tried === null) continue;
        if (best === null || (isDull(best.standing.outcome) && !isDull(tried.outcome) && proposal.lastResort !== true))
          best = { proposal, standing: tried, rule };
        if (!isDull(best.standing.outcome)) break;
      }
      if (best !== null) break;
    }
    if (best === null) return standing;
    this.#record(best.rule, best.proposal.reason, standing.tree.source, best.standing.tree.source);
    return best.standing;
  }

  /** The first proposal of a rule, taken whatever the database says of it. */
  async #step(standing: Standing, rule: RepairRule): Promise<Standing | null> {
    const [proposal] = await rule.propose(this.#situation(standing));
    const tree = proposal === undefined ? null : readTree(proposal.sql, this.#facts.catalog.lookup);
    if (proposal === undefined || tree === null) return null;
    this.#record(rule, proposal.reason, standing.tree.source, proposal.sql);
    return { tree, outcome: await this.#run(proposal.sql) };
  }

  async #tryAggregates(standing: Standing, rule: RepairRule): Promise<Standing | null> {
    const [proposal] = await rule.propose(this.#situation(standing));
    if (proposal === undefined) return null;
    const tree = readTree(proposal.sql, this.#facts.catalog.lookup);
    if (tree === null) return null;
    const outcome = await this.#run(proposal.sql);
    if (outcome.status === 'stopped' || (outcome.status === 'error' && isAboutAggregates(outcome.message))) return null;
    this.#record(rule, proposal.reason, standing.tree.source, proposal.sql);
    return { tree, outcome };
  }

  /** The statement that a proposal leads to, if SQLite takes it; with its aggregates put right where they alone stand in the way. */
  async #tryProposal(proposal: Proposal, aggregates: RepairRule | undefined): Promise<Standing | null> {
    const tree = readTree(proposal.sql, this.#facts.catalog.lookup);
    if (tree === null) return null;
    const outcome = await this.#run(proposal.sql);
    if (outcome.status === 'rows') return { tree, outcome };
    if (outcome.status !== 'error' || aggregates === undefined || !isAboutAggregates(outcome.message)) return null;
    const [second] = await aggregates.propose(this.#situation({ tree, outcome }));
    const secondTree = second === undefined ? null : readTree(second.sql, this.#facts.catalog.lookup);
    if (second === undefined || secondTree === null) return null;
    const secondOutcome = await this.#run(second.sql);
    return secondOutcome.status === 'rows' ? { tree: secondTree, outcome: secondOutcome } : null;
  }

  async #mendRows(running: Standing): Promise<Standing> {
    let standing = running;
    for (const rule of this.#rules) {
      if (rule.on !== 'rows') continue;
      for (const proposal of await rule.propose(this.#situation(standing))) {
        const tree = readTree(proposal.sql, this.#facts.catalog.lookup);
        if (tree === null) continue;
        const outcome = await this.#run(proposal.sql);
        if (outcome.status !== 'rows' || (rule.keepsRows && isDull(outcome) && !isDull(standing.outcome))) continue;
        this.#record(rule, proposal.reason, standing.tree.source, proposal.sql);
        standing = { tree, outcome };
        break;
      }
    }
    return standing;
  }

  #record(rule: RepairRule, reason: string, before: string, after: string): void {
    this.#changes.push({ rule: rule.name, group: rule.group, reason, before, after });
  }
}

function isAboutAggregates(message: string): boolean {
  return /aggregate|GROUP BY/i.test(message);
}
