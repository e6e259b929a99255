import { barChart, lineChart, stackedBars, type Line } from './figures.ts';
import { HARDNESS_LEVELS } from './hardness.ts';
import type { PublishedRow } from './published.ts';
import { FAILURE_MODES } from './score.ts';
import type { ScoredVerdict, Summary } from './summary.ts';
import { summarize } from './summary.ts';
import { bootstrapInterval, comparePaired, quantile } from './statistics.ts';

export interface ReportedQuestion extends ScoredVerdict {
  readonly index: number;
  readonly databaseId: string;
  readonly question: string;
  /** Right on every database of the test suite as well; null where that could not be told, absent where no suites were given. */
  readonly testSuite?: 0 | 1 | null;
  /** Milliseconds from the question to the whole SQL; absent where the predictions file doesn't say. */
  readonly milliseconds?: number;
}

export interface ReportedModel {
  readonly name: string;
  readonly questions: readonly ReportedQuestion[];
  /** What is downloaded, in bytes; null where it is not known. */
  readonly bytes: number | null;
  /** Tokens a second, over all questions; absent where the predictions file doesn't say. */
  readonly speed?: { readonly read: number; readonly written: number };
}

/** A training run: the loss (nats a token) of each step, and the questions that were seen until then. */
export interface LearningCurve {
  readonly name: string;
  readonly steps: readonly { readonly seen: number; readonly loss: number }[];
}

/** What asking costs, computed from tokens and a price. */
export interface CostRow {
  readonly name: string;
  /** Means over the questions. */
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** null where the model runs on the person's own machine. */
  readonly dollarsPerMillion: { readonly prompt: number; readonly completion: number } | null;
}

export interface ReportOptions {
  /** How the report is made, for its head. */
  readonly command: string;
  readonly title?: string;
  /** Begins the figures' file names. */
  readonly prefix?: string;
  readonly costs?: readonly CostRow[];
  readonly curves?: readonly LearningCurve[];
  /** Markdown that is put at the end. */
  readonly notes?: string;
}

export interface Report {
  readonly markdown: string;
  /** SVG texts by file name, as the Markdown links them. */
  readonly figures: Readonly<Record<string, string>>;
}

/** What a question asks for, by its words; the first that fits. */
const QUESTION_KINDS: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ['how many', /\bhow many\b|\bnumber of\b|\bcount\b/iu],
  [
    'most or least',
    /\b(?:most|least|highest|lowest|largest|smallest|oldest|youngest|maximum|minimum|longest|shortest|fewest|best|top|greatest)\b/iu,
  ],
  ['average or sum', /\baverage\b|\bmean\b|\btotal\b|\bsum\b/iu],
  ['not, without', /\b(?:not|without|never|no|except)\b|n't\b/iu],
  ['each, by', /\b(?:each|every|per|by)\b/iu],
  ['other', /(?:)/u],
];

/**
 * The benchmark's report: accuracy with intervals, by hardness, failure modes, by database and question kind, latency and size, paired tests of
 * neighbouring models. Pure: the same input gives the same text.
 */
export function makeReport(models: readonly ReportedModel[], published: readonly PublishedRow[], options: ReportOptions): Report {
  const { command, title = 'Results on Spider dev', prefix = '', costs = [], curves = [], notes = '' } = options;
  const summaries = models.map((model) => ({ model, summary: summarize(model.questions) }));
  const sections = [
    `# ${title}\n\nMade by \`${command}\`. Execution match and exact set match as the official evaluator counts them; what could not be scored is in no share. Intervals are 95%, by bootstrap over questions. A question is one of the 1,026 usable ones of dev.`,
    `## Accuracy\n\n${accuracyTable(summaries, published)}\n\n![Execution match by hardness](figures/${prefix}by-hardness.svg)`,
    `## Exact set match\n\n${table(
      ['model', ...HARDNESS_LEVELS, 'all'],
      summaries.map(({ model, summary }) => [model.name, ...byHardness(summary, 'exactMatch'), percent(summary.exactMatch, summary.n)]),
    )}`,
    `## Failure modes\n\n${table(
      ['model', ...FAILURE_MODES, 'could not score'],
      summaries.map(({ model, summary }) => [
        model.name,
        ...FAILURE_MODES.map((mode) => `${String(summary.failureModes[mode])} (${percent(summary.failureModes[mode], summary.n)})`),
        String(summary.couldNotScore),
      ]),
    )}\n\n![Failure modes](figures/${prefix}failure-modes.svg)`,
    `## Latency and size\n\n${costTable(models, published)}`,
    priceSection(costs),
    curves.length === 0
      ? ''
      : `## Learning curves\n\nLoss on the gold SQL of each step, a running mean of ${String(CURVE_WINDOW)} steps.\n\n![Learning curves](figures/${prefix}learning-curves.svg)`,
    pairedSection(models),
    `## By question kind\n\nExecution match; the kind is told by the question's words.\n\n${groupTable(
      models,
      questionKind,
      QUESTION_KINDS.map(([kind]) => kind),
    )}`,
    `## By database\n\nExecution match.\n\n${groupTable(models, (question) => question.databaseId, databases(models))}`,
    notes.trim(),
  ];
  return {
    markdown: `${sections.filter((section) => section !== '').join('\n\n')}\n`,
    figures: {
      [`${prefix}by-hardness.svg`]: barChart(
        'Execution match by hardness',
        ['all', ...HARDNESS_LEVELS],
        summaries.map(({ model, summary }) => ({
          name: model.name,
          values: [summary, ...HARDNESS_LEVELS.map((level) => summary.byHardness[level])].map((tally) =>
            tally.n === 0 ? null : tally.exec / tally.n,
          ),
        })),
      ),
      [`${prefix}failure-modes.svg`]: stackedBars(
        'Failure modes',
        [...FAILURE_MODES],
        summaries.map(({ model, summary }) => ({
          name: model.name,
          values: FAILURE_MODES.map((mode) => (summary.n === 0 ? 0 : summary.failureModes[mode] / summary.n)),
        })),
      ),
      ...(curves.length === 0
        ? {}
        : {
            [`${prefix}learning-curves.svg`]: lineChart(
              'Learning curves',
              { x: 'questions seen', y: 'loss, nats a token' },
              curves.map(smoothed),
            ),
          }),
    },
  };
}

const CURVE_WINDOW = 15;

/** Each point is the mean of the steps of a window that ends there. */
function smoothed({ name, steps }: LearningCurve): Line {
  const points = steps.map((step, at) => {
    const window = steps.slice(Math.max(0, at + 1 - CURVE_WINDOW), at + 1);
    return [step.seen, window.reduce((sum, { loss }) => sum + loss, 0) / window.length] as const;
  });
  return { name, points };
}

interface Summarized {
  readonly model: ReportedModel;
  readonly summary: Summary;
}

function accuracyTable(summaries: readonly Summarized[], published: readonly PublishedRow[]): string {
  const withSuites = summaries.some(({ model }) => model.questions.some(({ testSuite }) => testSuite !== undefined));
  const ours = summaries.map(({ model, summary }) => {
    const { low, high } = bootstrapInterval(outcomes(model.questions));
    const interval = summary.n === 0 ? '–' : `${share(low)} to ${share(high)}`;
    const execution = [model.name, String(summary.n), percent(summary.exec, summary.n), interval];
    return [...execution, ...(withSuites ? [suiteShare(model.questions)] : []), ...byHardness(summary, 'exec'), size(model.bytes)];
  });
  const columns = [...(withSuites ? ['test suites'] : []), ...HARDNESS_LEVELS];
  const theirs = published.map((row) => [
    `${row.name} (published)`,
    '1034',
    share(row.exec),
    '–',
    ...columns.map(() => '–'),
    size(row.bytes),
  ]);
  return table(['model', 'n', 'execution match', 'interval', ...columns, 'download'], [...ours, ...theirs]);
}

/** Of the questions on databases that have a suite. */
function suiteShare(questions: readonly ReportedQuestion[]): string {
  const tested = questions.flatMap(({ testSuite }) => (typeof testSuite === 'number' ? [testSuite] : []));
  return percent(tested.filter((right) => right === 1).length, tested.length);
}

function byHardness(summary: Summary, measure: 'exec' | 'exactMatch'): string[] {
  return HARDNESS_LEVELS.map((level) => percent(summary.byHardness[level][measure], summary.byHardness[level].n));
}

function costTable(models: readonly ReportedModel[], published: readonly PublishedRow[]): string {
  const rows = models.map((model) => {
    const times = model.questions.flatMap((question) => (question.milliseconds === undefined ? [] : [question.milliseconds]));
    const speeds = model.speed ? [model.speed.read, model.speed.written].map((speed) => speed.toFixed(0)) : ['–', '–'];
    return [model.name, milliseconds(quantile(times, 0.5)), milliseconds(quantile(times, 0.95)), ...speeds, size(model.bytes)];
  });
  return table(
    ['model', 'median', '95% within', 'tokens/s read', 'tokens/s written', 'download'],
    [...rows, ...published.map((row) => [`${row.name} (published)`, '–', '–', '–', '–', size(row.bytes)])],
  );
}

function priceSection(costs: readonly CostRow[]): string {
  if (costs.length === 0) return '';
  const rows = costs.map(({ name, promptTokens, completionTokens, dollarsPerMillion }) => [
    name,
    promptTokens.toFixed(0),
    completionTokens.toFixed(0),
    dollarsPerMillion === null
      ? '0: it runs where it is asked'
      : `$${((1_000 * (promptTokens * dollarsPerMillion.prompt + completionTokens * dollarsPerMillion.completion)) / 1e6).toFixed(3)}`,
  ]);
  return `## Cost of 1,000 questions\n\nComputed: mean tokens of a question (counted with the embedded model's tokenizer) times the list price; the student's electricity is not counted.\n\n${table(
    ['model', 'prompt tokens', 'answer tokens', 'dollars'],
    rows,
  )}`;
}

/** Each model against the one before it, on the questions that both have answered. */
function pairedSection(models: readonly ReportedModel[]): string {
  const rows = models.slice(1).map((model, at) => {
    const before = models[at] ?? model;
    const others = new Map(before.questions.map((question) => [question.index, question.exec]));
    const pairs = model.questions.flatMap((question) => {
      const other = others.get(question.index);
      return question.exec === null || other === null || other === undefined ? [] : [[question.exec, other] as const];
    });
    const compared = comparePaired(
      pairs.map(([own]) => own),
      pairs.map(([, other]) => other),
    );
    const { difference, interval, onlyFirst, onlySecond, p } = compared;
    return [
      `${model.name} – ${before.name}`,
      String(pairs.length),
      `${points(difference)} (${points(interval.low)} to ${points(interval.high)})`,
      String(onlyFirst),
      String(onlySecond),
      p < 0.0001 ? '< 0.0001' : p.toFixed(4),
    ];
  });
  if (rows.length === 0) return '';
  return `## Paired comparisons\n\nThe same questions, execution match in points; p by McNemar's exact test.\n\n${table(['pair', 'n', 'difference', 'only first right', 'only second right', 'p'], rows)}`;
}

function groupTable(models: readonly ReportedModel[], groupOf: (question: ReportedQuestion) => string, groups: readonly string[]): string {
  const rows = groups.map((group) => {
    const sizes = models.map((model) => model.questions.filter((question) => groupOf(question) === group).length);
    const cells = models.map((model) => {
      const { exec, n } = summarize(model.questions.filter((question) => groupOf(question) === group));
      return percent(exec, n);
    });
    return [group, String(Math.max(0, ...sizes)), ...cells];
  });
  return table(['', 'n', ...models.map((model) => model.name)], rows);
}

function questionKind({ question }: ReportedQuestion): string {
  return QUESTION_KINDS.find(([, pattern]) => pattern.test(question))?.[0] ?? 'other';
}

function databases(models: readonly ReportedModel[]): string[] {
  return [...new Set(models.flatMap((model) => model.questions.map((question) => question.databaseId)))].sort();
}

function outcomes(questions: readonly ReportedQuestion[]): number[] {
  return questions.flatMap((question) => (question.exec === null ? [] : [question.exec]));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const escaped = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [escaped(head), `|${head.map((_, column) => (column === 0 ? ' --- |' : ' ---: |')).join('')}`, ...rows.map(escaped)].join('\n');
}

function share(value: number): string {
  return `${(100 * value).toFixed(1)}%`;
}

function percent(count: number, total: number): string {
  return total === 0 ? '–' : share(count / total);
}

function points(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(100 * value).toFixed(1)}`;
}

function size(bytes: number | null): string {
  return bytes === null ? '–' : `${String(Math.round(bytes / 1e6))} MB`;
}

function milliseconds(value: number | null): string {
  return value === null ? '–' : value < 1000 ? `${String(Math.round(value))} ms` : `${(value / 1000).toFixed(1)} s`;
}
