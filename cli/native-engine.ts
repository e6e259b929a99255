import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import * as v from 'valibot';
import type {
  Engine,
  EngineError,
  EngineErrorCode,
  GenerateOptions,
  GenerateRequest,
  Generation,
  LoadOptions,
} from '../src/engine/engine.ts';
import { failure, success } from '../src/result.ts';
import type { Result } from '../src/result.ts';
import { Constraint, type TokenChoice } from '../src/text-to-sql/decoding/constraint.ts';

/** How the process that serves a model folder is started; its last argument is the folder. */
export interface ServerCommand {
  readonly program: string;
  readonly arguments: readonly string[];
}

/** The CPU build of the browser's model (model-build/src/model_build/serve.py): the same 4-bit weights, the same tokenizer, greedy. */
export const MODEL_SERVER: ServerCommand = {
  program: 'uv',
  arguments: ['run', '--quiet', '--project', 'model-build', 'tabletalk-model', 'serve-stdio'],
};

const Ready = v.looseObject({ ready: v.literal(true) });
const Refused = v.looseObject({ error: v.string() });
/** What the answer would be with each of the next likeliest tokens; null where the token ends it. */
const Candidates = v.object({
  candidates: v.array(v.object({ text: v.nullable(v.string()), logit: v.number() })),
  before: v.string(),
  last: v.boolean(),
});
const Answer = v.object({
  text: v.string(),
  finish: v.picklist(['stop', 'length']),
  tokens: v.optional(v.array(v.number()), []),
  prefixTokens: v.number(),
  promptTokens: v.number(),
  reusedTokens: v.number(),
  steeredTokens: v.number(),
  prefillMs: v.number(),
  decodeMs: v.number(),
});

type Reply = Result<unknown, EngineError>;

/**
 * A model folder run on this machine's CPU by a process of its own that speaks JSON lines: `{prefix, suffix, max_tokens}` in, one answer a
 * line out, after a line `{"ready": true}`; where the answer is constrained, it asks for each token which of the likeliest may follow. One
 * request at a time. When the process ends, what is pending is settled and `load` starts another.
 */
export class NativeEngine implements Engine<string> {
  readonly #command: ServerCommand;
  #process: ChildProcessWithoutNullStreams | null = null;
  #waiting: ((reply: Reply) => void) | null = null;
  #words = '';

  constructor(command: ServerCommand = MODEL_SERVER) {
    this.#command = command;
  }

  /** @param folder a model folder; its first use on a machine compiles it for the CPU, 15 to 60 s */
  async load(folder: string, options: LoadOptions = {}): Promise<Result<void, EngineError>> {
    await this.unload();
    options.onProgress?.({ phase: 'compile', loadedBytes: 0, totalBytes: 0, secondsLeft: null });
    const child = spawn(this.#command.program, [...this.#command.arguments, folder], { stdio: 'pipe' });
    this.#process = child;
    this.#words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      // The end of what it says is what went wrong.
      this.#words = (this.#words + text).slice(-2_000);
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (this.#process === child) this.#settle(readLine(line));
    });
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => {
      this.#end(child, `${this.#command.program} could not be started: ${error.message}`);
    });
    child.on('close', (code) => {
      this.#end(child, `the process ended with code ${String(code)}. ${this.#words.trim()}`);
    });

    const reply = await this.#wait(options.signal);
    if (!reply.ok) return reply;
    if (!v.is(Ready, reply.value)) {
      await this.unload();
      return failure(engineError('crashed', `expected {"ready": true}, got ${JSON.stringify(reply.value)}`));
    }
    options.onProgress?.({ phase: 'ready', loadedBytes: 0, totalBytes: 0, secondsLeft: 0 });
    return success(undefined);
  }

  async prime(prefix: string, options: { readonly signal?: AbortSignal } = {}): Promise<Result<void, EngineError>> {
    const primed = await this.generate({ prompt: { prefix, suffix: '' }, maxTokens: 1 }, options);
    return primed.ok ? success(undefined) : primed;
  }

  async generate(request: GenerateRequest, options: GenerateOptions = {}): Promise<Result<Generation, EngineError>> {
    const { prompt, maxTokens, names, strict } = request;
    if (this.#process === null) return failure(engineError('not-loaded'));
    if (this.#waiting !== null) return failure(engineError('busy'));
    if (options.signal?.aborted === true) return failure(engineError('aborted'));
    const constraint = names && new Constraint(names, { strict });
    this.#say({ prefix: prompt.prefix, suffix: prompt.suffix, max_tokens: maxTokens, ...(constraint ? { constrained: true } : {}) });
    let reply = await this.#wait(options.signal);
    let choice: TokenChoice | undefined;
    while (constraint && reply.ok) {
      const asked = v.safeParse(Candidates, reply.value);
      if (!asked.success) break;
      const { candidates, before, last } = asked.output;
      choice ??= constraint.next(before);
      let chosen: number | undefined;
      for (const candidate of candidates) chosen ??= choice.offer(candidate);
      if (last) chosen ??= choice.settle();
      this.#say(chosen === undefined ? { choice: -1, completions: last ? constraint.completions(before) : [] } : { choice: chosen });
      if (chosen !== undefined || last) choice = undefined;
      reply = await this.#wait(options.signal);
    }
    if (!reply.ok) return reply;
    const refused = v.safeParse(Refused, reply.value);
    if (refused.success)
      return failure(engineError(refused.output.error.includes('context') ? 'prompt-too-long' : 'crashed', refused.output.error));
    const answer = v.safeParse(Answer, reply.value);
    if (!answer.success) return failure(engineError('crashed', `not an answer: ${JSON.stringify(reply.value)}`));
    const { text, tokens, ...counts } = answer.output;
    options.onText?.(text);
    return success({ text, completionTokens: tokens.length, overruledTokens: constraint?.overruled ?? 0, ...counts });
  }

  #say(message: object): void {
    this.#process?.stdin.write(`${JSON.stringify(message)}\n`);
  }

  async unload(): Promise<void> {
    const child = this.#process;
    if (child === null) return;
    const ended =
      child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise((resolve) => child.once('close', resolve));
    this.#end(child, 'it was unloaded');
    child.stdin.end();
    child.kill();
    await ended;
  }

  /** The next line. A process that is stopped midway would answer late, so that it is ended. */
  #wait(signal: AbortSignal | undefined): Promise<Reply> {
    return new Promise((resolve) => {
      const abort = (): void => {
        this.#settle(failure(engineError('aborted')));
        void this.unload();
      };
      this.#waiting = (reply) => {
        signal?.removeEventListener('abort', abort);
        resolve(reply);
      };
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted === true) abort();
    });
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.(reply);
  }

  #end(child: ChildProcessWithoutNullStreams, why: string): void {
    if (this.#process !== child) return;
    this.#process = null;
    this.#settle(failure(engineError('crashed', why)));
  }
}

function readLine(line: string): Reply {
  try {
    return success(JSON.parse(line));
  } catch {
    return failure(engineError('crashed', `not JSON: ${line.slice(0, 200)}`));
  }
}

const SENTENCES: Partial<Record<EngineErrorCode, readonly [message: string, nextStep: string]>> = {
  'not-loaded': ['No model is loaded.', 'Load a model folder first.'],
  busy: ['The model is answering another question.', 'Ask when it has answered.'],
  aborted: ['The answer was stopped.', 'Load the model again to ask on.'],
  'prompt-too-long': ['The prompt does not fit into the model.', 'Show it fewer tables.'],
};

function engineError(code: EngineErrorCode, detail?: string): EngineError {
  const [message, nextStep] = SENTENCES[code] ?? [
    'The process that runs the model stopped.',
    'Read its words below; check the folder with “tabletalk-model verify”.',
  ];
  return { code, message, nextStep, ...(detail === undefined ? {} : { detail }) };
}
