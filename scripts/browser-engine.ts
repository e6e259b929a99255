import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join, resolve } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { createServer, type Plugin, type ViteDevServer } from 'vite';
import type * as catalogue from '../src/engine/catalogue.ts';
import type { CatalogueEntry } from '../src/engine/catalogue.ts';
import type { Engine, EngineError, GenerateRequest, Generation } from '../src/engine/engine.ts';
import { failure, type Result } from '../src/result.ts';
import { browserArguments, findOrInstallChromium } from './find-chromium.ts';

const root = resolve(import.meta.dirname, '..');
/** Where the page below keeps the engine between two calls. */
type PageScope = typeof globalThis & { engine: Engine<CatalogueEntry> };

/**
 * The app's own engine (`src/engine`: WebLLM in its worker, on WebGPU) in headless Chromium, from Node. Without a graphics card WebGPU runs in software
 * (SwiftShader). The page has the engine and nothing else; Vite serves the source as it is, and the model folder beside it.
 */
export class BrowserEngine implements Pick<Engine<string>, 'load' | 'generate' | 'unload'> {
  #server: ViteDevServer | null = null;
  #browser: Browser | null = null;
  #page: Page | null = null;

  /** @param folder a model folder, verified and run as one that the app downloads */
  async load(folder: string): Promise<Result<void, EngineError>> {
    await this.unload();
    try {
      this.#server = await createServer({
        configFile: false,
        root,
        publicDir: false,
        appType: 'custom',
        logLevel: 'error',
        cacheDir: join(root, '.cache/vite-engine'),
        plugins: [serveEngine(resolve(folder))],
        // Imported by a worker only, where the scan does not look: found late, it would reload the page.
        optimizeDeps: { include: ['@mlc-ai/web-llm', 'idb-keyval', 'valibot'] },
        // Nothing is followed: who edits the source meanwhile does not change what runs.
        server: { host: '127.0.0.1', port: 0, hmr: false, watch: null },
      });
      await this.#server.listen();
      const [url = ''] = this.#server.resolvedUrls?.local ?? [];
      this.#browser = await chromium.launch({ executablePath: findOrInstallChromium(), args: [...browserArguments] });
      this.#page = await this.#browser.newPage();
      await this.#page.goto(url);
      return await this.#page.evaluate(startEngine, url);
    } catch (error) {
      return failure(browserError(error));
    }
  }

  async generate(request: GenerateRequest): Promise<Result<Generation, EngineError>> {
    if (this.#page === null) return failure({ code: 'not-loaded', message: 'No model is loaded.', nextStep: 'Load a model folder first.' });
    try {
      return await this.#page.evaluate((asked) => (globalThis as PageScope).engine.generate(asked), request);
    } catch (error) {
      return failure(browserError(error));
    }
  }

  async unload(): Promise<void> {
    this.#page = null;
    await this.#browser?.close();
    this.#browser = null;
    await this.#server?.close();
    this.#server = null;
  }
}

/** Runs in the page. */
async function startEngine(base: string): Promise<Result<void, EngineError>> {
  const { loadCatalogue } = (await import(/* @vite-ignore */ `${base}src/engine/catalogue.ts`)) as typeof catalogue;
  const { WebLlmEngine } = (await import(/* @vite-ignore */ `${base}src/engine/webllm-engine.ts`)) as {
    readonly WebLlmEngine: new () => Engine<CatalogueEntry>;
  };
  const models = await loadCatalogue(base);
  if (!models.ok) return models;
  const [model] = models.value;
  if (!model) throw new Error('the folder has no model');
  (globalThis as PageScope).engine = new WebLlmEngine();
  return (globalThis as PageScope).engine.load(model);
}

/** An empty page, and the model folder where the app's catalogue looks for models. */
function serveEngine(folder: string): Plugin {
  const cardSha256 = createHash('sha256')
    .update(readFileSync(join(folder, 'model-card.json')))
    .digest('hex');
  const index = JSON.stringify({ version: 1, models: [{ folder: 'model', cardSha256 }] });
  const answer = (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const [, name] = /^\/models\/model\/([\w.-]+)$/.exec(pathname) ?? [];
    if (pathname === '/') response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>Engine</title>');
    else if (pathname === '/models/index.json') response.setHeader('Content-Type', 'application/json').end(index);
    else if (name !== undefined)
      createReadStream(join(folder, name))
        .on('error', () => response.writeHead(404).end())
        .pipe(response);
    else next();
  };
  return {
    name: 'serve-engine',
    configureServer(server) {
      server.middlewares.use(answer);
    },
  };
}

function browserError(error: unknown): EngineError {
  return {
    code: 'crashed',
    message: 'The browser that runs the model stopped.',
    nextStep: 'Start the command again: what is done is kept.',
    detail: String(error),
  };
}
