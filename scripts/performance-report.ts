export interface Question {
  readonly question: string;
  readonly sql: string;
  /** null where no result came. */
  readonly rows: number | null;
  readonly secondsToFirstSql: number;
  readonly secondsToAnswer: number;
  readonly promptTokens: number;
  readonly reusedTokens: number;
  readonly completionTokens: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
}

export interface Measurement {
  readonly measuredAt: string;
  readonly processors: string;
  /** Of the last minute, at the end: above the number of processors the times are pessimistic. */
  readonly loadAverage: number;
  readonly browser: string;
  readonly startSeconds: number;
  readonly coldLoadSeconds: number;
  readonly warmLoadSeconds: number;
  readonly first: Question;
  readonly second: Question;
  /** All processes of the browser together. */
  readonly peakMemoryBytes: number;
}

export interface Performance {
  readonly command: string;
  readonly sizes: {
    readonly initialJavaScriptGzipped: number;
    readonly studentFolder: number;
    readonly libraries: readonly { readonly name: string; readonly bytes: number }[];
  };
  /** By the schedule of the model's library; `picked` is what the app takes by itself. */
  readonly measurements: Readonly<Record<string, Measurement>>;
  /** The stages of the last `npm test` on this machine. */
  readonly suite: readonly { readonly name: string; readonly seconds: number }[];
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
const perSecond = (tokens: number, ms: number): string => (ms > 0 ? (tokens / (ms / 1000)).toFixed(2) : '–');

/** The figures as a page of Markdown. */
export function performanceReport(report: Performance): string {
  const { sizes, suite } = report;
  const lines = [
    '# Performance',
    '',
    `Made by \`${report.command}\` on the built app with the embedded student; the figures are in performance.json.`,
    '',
    '| Size | |',
    '| --- | --- |',
    `| Initial JavaScript, gzipped | ${(sizes.initialJavaScriptGzipped / 1000).toFixed(1)} kB |`,
    ...sizes.libraries.map(({ name, bytes }) => `| Model library (${name}) | ${megabytes(bytes)} |`),
    `| Student, whole folder | ${megabytes(sizes.studentFolder)} |`,
  ];
  for (const [schedule, measured] of Object.entries(report.measurements)) {
    const { first, second } = measured;
    const asked = (name: string, { promptTokens, reusedTokens, completionTokens, prefillMs, decodeMs, ...times }: Question): string =>
      `| ${name} | ${String(promptTokens)} (${String(reusedTokens)}) | ${perSecond(promptTokens - reusedTokens, prefillMs)} | ` +
      `${String(completionTokens)} | ${perSecond(completionTokens, decodeMs)} | ${times.secondsToFirstSql.toFixed(1)} s | ${times.secondsToAnswer.toFixed(1)} s |`;
    lines.push(
      '',
      schedule === 'picked' ? '## As the app runs here' : `## With the \`${schedule}\` schedule`,
      '',
      `${measured.processors}, load average ${measured.loadAverage.toFixed(1)}, Chromium ${measured.browser}, ${measured.measuredAt}.`,
      '',
      `Page ready ${measured.startSeconds.toFixed(1)} s; cold load of the model (fetch, verify, compile) ${measured.coldLoadSeconds.toFixed(1)} s, ` +
        `warm (from the cache, after a reload) ${measured.warmLoadSeconds.toFixed(1)} s; peak memory of all browser processes ${megabytes(measured.peakMemoryBytes)}.`,
      '',
      '| Question | Prompt tokens (reused) | Prefill tok/s | Tokens written | Decode tok/s | First SQL | Answer |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      asked('first on the database', first),
      asked('second', second),
    );
  }
  if (suite.length > 0) {
    const total = suite.reduce((sum, stage) => sum + stage.seconds, 0);
    lines.push('', '## The test suite', '', '| Stage | Seconds |', '| --- | --- |');
    lines.push(...suite.map(({ name, seconds }) => `| ${name} | ${seconds.toFixed(0)} |`), `| together | ${total.toFixed(0)} |`);
  }
  return `${lines.join('\n')}\n`;
}
