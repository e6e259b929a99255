import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium, type BrowserContext, type BrowserContextOptions, type Locator, type Page } from 'playwright-core';
import { browserArguments, findOrInstallChromium } from '../../scripts/find-chromium.ts';
import { securityHeaders } from '../../scripts/security-headers.ts';
import { serve, type Serving } from '../../scripts/serve.ts';

export const root = resolve(import.meta.dirname, '../..');
export const dist = join(root, 'dist');
/** A database of the Spider benchmark, as someone would drop it in. */
export const concertSinger = resolve(root, '../shared/spider/database/concert_singer/concert_singer.sqlite');

export interface SessionOptions extends BrowserContextOptions {
  /** Further or other flags; a flag given here replaces the one of the same name. */
  readonly arguments?: readonly string[];
  /** Left out of the usual flags. */
  readonly without?: readonly string[];
  readonly basePath?: string;
  readonly root?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The built app on our own server in a fresh browser profile, with a record of everything that should not have happened. */
export class Session {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly url: string;
  /** Requests to any other origin. */
  readonly foreign: string[] = [];
  /** Violations of the policy or of Trusted Types, in the page and in its workers. */
  readonly violations: string[] = [];
  /** Errors that nobody caught. */
  readonly errors: string[] = [];
  readonly #serving: Serving;
  readonly #profile: string;

  private constructor(context: BrowserContext, page: Page, serving: Serving, profile: string) {
    this.context = context;
    this.page = page;
    this.url = serving.url;
    this.#serving = serving;
    this.#profile = profile;
  }

  static async start(options: SessionOptions = {}): Promise<Session> {
    const { arguments: more = [], without = [], basePath, root: folder = dist, headers = securityHeaders([]), ...contextOptions } = options;
    const serving = await serve({ root: folder, port: 0, headers, ...(basePath === undefined ? {} : { basePath }) });
    const profile = mkdtempSync(join(tmpdir(), 'tabletalk-e2e-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: findOrInstallChromium(),
      headless: true,
      viewport: { width: 1280, height: 860 },
      args: [
        ...browserArguments.filter((argument) => !without.includes(argument)),
        // Names resolve to nothing: what is asked of another host is seen below, and goes nowhere.
        '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
        ...more,
      ],
      ...contextOptions,
    });
    const page = context.pages()[0] ?? (await context.newPage());
    const session = new Session(context, page, serving, profile);
    await session.#watch();
    return session;
  }

  /** Opens the page and waits for the sample databases. */
  async open(): Promise<void> {
    await this.page.goto(this.url);
    await this.page.getByRole('button', { name: 'Choose a file' }).waitFor();
  }

  /** Begins a new record: one test's mishap is not the next one's. */
  forget(): void {
    for (const record of [this.foreign, this.violations, this.errors]) record.length = 0;
  }

  /** Ends the server, as a train ends the connection. */
  async stopServer(): Promise<void> {
    await this.#serving.close();
  }

  async end(): Promise<void> {
    await this.context.close();
    await this.#serving.close();
    rmSync(this.#profile, { recursive: true, force: true });
  }

  async #watch(): Promise<void> {
    const own = new URL(this.url).origin;
    this.context.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol !== 'blob:' && protocol !== 'data:' && origin !== own) this.foreign.push(request.url());
    });
    this.context.on('console', (message) => {
      if (/content security policy|trusted ?types|trustedscript|trustedhtml/i.test(message.text())) this.violations.push(message.text());
    });
    this.context.on('weberror', (error) => this.errors.push(error.error().message));
    await this.context.exposeBinding('recordViolation', (_source, text: string) => this.violations.push(text));
    await this.context.addInitScript(() => {
      const { recordViolation } = globalThis as unknown as { recordViolation: (text: string) => Promise<void> };
      document.addEventListener('securitypolicyviolation', (event) => {
        void recordViolation(`${event.effectiveDirective}: ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
      });
    });
  }
}

export function question(page: Page): Locator {
  return page.getByRole('textbox', { name: /^Ask about/ });
}

export function grid(page: Page): Locator {
  return page.getByRole('grid', { name: 'Result' });
}

/** The text of one column of the rows that are drawn. */
export async function column(page: Page, index: number): Promise<string[]> {
  const cells = grid(page).locator(`[role=gridcell][aria-colindex="${String(index)}"]`);
  return (await cells.allTextContents()).map((text) => text.trim());
}

export async function openSample(page: Page, title: string | RegExp): Promise<void> {
  await page.getByRole('button', { name: title }).click();
  await question(page).waitFor();
}

/** Drops a file on the page as a file manager does. */
export async function drop(page: Page, name: string, bytes: Uint8Array): Promise<void> {
  const transfer = await page.evaluateHandle(
    ([fileName, base64]) => {
      const content = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([content], fileName));
      return data;
    },
    [name, Buffer.from(bytes).toString('base64')] as const,
  );
  await page.locator('body').dispatchEvent('dragover', { dataTransfer: transfer });
  await page.locator('body').dispatchEvent('drop', { dataTransfer: transfer });
}

/** Opens the SQL editor where it is closed, puts the SQL in and runs it with the keyboard. */
export async function runSql(page: Page, sql: string): Promise<void> {
  const editor = page.getByRole('textbox', { name: 'SQL', exact: true });
  if (!(await editor.isVisible())) {
    await page
      .getByRole('button', { name: /^(Edit|Write) SQL$/ })
      .first()
      .click();
    await editor.waitFor();
  }
  await editor.focus();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(sql);
  await page.keyboard.press('Control+Enter');
}

/** A server of another origin that remembers whether anyone came. */
export async function startForeignHost(): Promise<{ url: string; visits: string[]; close: () => void }> {
  const visits: string[] = [];
  const server = createServer((request, response) => {
    visits.push(request.url ?? '');
    response.writeHead(200, { 'Access-Control-Allow-Origin': '*', 'Content-Type': 'text/javascript' }).end('globalThis.intruded = true;');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${String(port)}/`, visits, close: () => server.close() };
}
