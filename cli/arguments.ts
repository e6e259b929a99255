import { parseArgs } from 'node:util';

/** A command was called wrongly, or a file is not what it should be: the message is for the person at the terminal. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface Option {
  readonly type: 'string' | 'boolean';
  /** Several are allowed; they come as one text each. */
  readonly multiple?: boolean;
  readonly required?: boolean;
  /** What follows the option, FILE for example. */
  readonly value?: string;
  readonly help: string;
}

export interface Arguments {
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  flag(name: string): boolean;
  /** A whole number of at least 1. */
  count(name: string): number | undefined;
  required(name: string): string;
}

/** Reads `--name value` and `--flag`. Throws UsageError, with the help, for what it doesn't know or misses. */
export function readArguments(command: string, options: Readonly<Record<string, Option>>, args: readonly string[]): Arguments {
  const usage = helpText(command, options);
  let values: Readonly<Record<string, unknown>>;
  try {
    const config = Object.fromEntries(
      Object.entries(options).map(([name, option]) => [name, { type: option.type, multiple: option.multiple ?? false }]),
    );
    ({ values } = parseArgs({ args: [...args], options: { ...config, help: { type: 'boolean' } }, allowPositionals: false }));
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
  if (values.help === true) throw new UsageError(usage);
  const missing = Object.entries(options).filter(([name, option]) => option.required === true && values[name] === undefined);
  if (missing.length > 0) throw new UsageError(`Give ${missing.map(([name]) => `--${name}`).join(' and ')}.\n\n${usage}`);

  const text = (name: string): string | undefined => (typeof values[name] === 'string' ? values[name] : undefined);
  return {
    text,
    texts: (name) => (Array.isArray(values[name]) ? values[name].map(String) : []),
    flag: (name) => values[name] === true,
    count(name) {
      const given = text(name);
      if (given === undefined) return undefined;
      if (!/^[1-9]\d*$/u.test(given)) throw new UsageError(`--${name} takes a whole number of at least 1, not “${given}”.\n\n${usage}`);
      return Number(given);
    },
    required(name) {
      const given = text(name);
      if (given === undefined) throw new UsageError(`Give --${name}.\n\n${usage}`);
      return given;
    },
  };
}

function helpText(command: string, options: Readonly<Record<string, Option>>): string {
  const lines = Object.entries(options).map(([name, option]) => {
    const left = `--${name}${option.value === undefined ? '' : ` ${option.value}`}`;
    return `  ${left.padEnd(22)} ${option.help}`;
  });
  return `Usage: npm run ${command} -- [options]\n${lines.join('\n')}`;
}

/** Runs a command: what went wrong is told in a sentence, with exit code 1. */
export async function runCommand(main: (args: readonly string[]) => Promise<void>): Promise<void> {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(
      `${error instanceof UsageError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exitCode = 1;
  }
}
