import { quantile } from '../src/evaluation/statistics.ts';

/** What one engine made of a question. */
export interface EngineAnswer {
  /** The model's own words. */
  readonly text: string;
  /** The SQL taken out of them. */
  readonly sql: string;
  readonly promptTokens: number;
  readonly reusedTokens: number;
  readonly completionTokens: number;
  readonly milliseconds: number;
}

export interface ComparedQuestion {
  readonly id: string;
  readonly databaseId: string;
  readonly question: string;
  readonly native?: EngineAnswer;
  readonly browser?: EngineAnswer;
}

export interface EnginesReport {
  readonly command: string;
  readonly model: string;
  readonly cardSha256: string;
  readonly seed: number;
  readonly processors: string;
  readonly measuredAt: string;
  readonly questions: readonly ComparedQuestion[];
}

interface Both extends ComparedQuestion {
  readonly native: EngineAnswer;
  readonly browser: EngineAnswer;
}

/** The goal of issue 4: what the terminal measures is what the browser writes. */
const GOAL = 0.95;

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
const seconds = (milliseconds: number | null): string => (milliseconds === null ? '–' : `${(milliseconds / 1000).toFixed(1)} s`);

function bothAnswered(questions: readonly ComparedQuestion[]): Both[] {
  return questions.flatMap(({ native, browser, ...question }) => (native && browser ? [{ ...question, native, browser }] : []));
}

const isSame = ({ native, browser }: Both): boolean => native.sql === browser.sql;
const medianOf = (answers: readonly EngineAnswer[]): string =>
  seconds(
    quantile(
      answers.map(({ milliseconds }) => milliseconds),
      0.5,
    ),
  );

/** One line: how many questions get the same SQL from both engines. */
export function enginesSummary({ questions }: EnginesReport): string {
  const both = bothAnswered(questions);
  const same = both.filter(isSame).length;
  const share = both.length === 0 ? 0 : same / both.length;
  return (
    `Identical SQL from the CPU engine and the browser: ${String(same)} of ${String(both.length)} questions (${percent(share)}; ` +
    `goal ${percent(GOAL)}, ${both.length > 0 && share >= GOAL ? 'reached' : 'not reached'})` +
    (both.length < questions.length ? `; ${String(questions.length - both.length)} still to do` : '')
  );
}

/** The figures as a page of Markdown. */
export function enginesMarkdown(report: EnginesReport): string {
  const both = bothAnswered(report.questions);
  const different = both.filter((question) => !isSame(question));
  const databases = new Set(report.questions.map(({ databaseId }) => databaseId));
  const lines = [
    '# The CPU engine against the browser',
    '',
    `Made by \`${report.command}\` (seed ${String(report.seed)}, ${report.processors}, ${report.measuredAt}); the figures are in engines.json.`,
    'The same prompts go to `cli/native-engine.ts`, with which `npm run predict` measures, and to `src/engine` in headless Chromium, as the app',
    'runs it. Started again, the command goes on where it stopped.',
    '',
    `${enginesSummary(report)}. Model: \`${report.model}\`, ${String(databases.size)} ${databases.size === 1 ? 'database' : 'databases'} of Spider dev.`,
    '',
    '| Engine | Seconds a question (median) | Tokens written |',
    '| --- | ---: | ---: |',
    ...(['native', 'browser'] as const).map((engine) => {
      const answers = both.map((question) => question[engine]);
      const tokens = answers.reduce((sum, { completionTokens }) => sum + completionTokens, 0);
      return `| ${engine === 'native' ? 'CPU' : 'Browser'} | ${medianOf(answers)} | ${String(tokens)} |`;
    }),
    '',
    '## The questions that differ',
    '',
  ];
  if (different.length === 0) lines.push('None.');
  for (const { id, databaseId, question, native, browser } of different) {
    lines.push(
      `### ${id} on ${databaseId}`,
      '',
      question,
      '',
      '```sql',
      `-- CPU`,
      native.text.trim(),
      `-- Browser`,
      browser.text.trim(),
      '```',
      '',
    );
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
