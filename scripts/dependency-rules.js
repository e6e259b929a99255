/**
 * DESIGN.md's direction of dependencies as ESLint rules, one block a folder of `src`.
 *
 * A relative import leaves its folder by `../<folder>/`, so the first folder after the dots names what is reached for.
 * Contracts (`database/database.ts`, `engine/engine.ts`: types only) may be read where the implementations may not.
 */

const contracts = ['database/database.ts', 'engine/engine.ts'];
const folders = ['app', 'engine', 'database', 'text-to-sql', 'evaluation', 'classroom', 'visualization', 'storage', 'repair', 'worker'];

/** What each folder may import besides itself and `src/result.ts`. `app` may import everything and has no entry. */
const mayImport = {
  // Constrained decoding stands beside the logits, in the engine's worker.
  engine: ['worker/', 'text-to-sql/decoding/'],
  database: ['worker/'],
  worker: [],
  repair: [...contracts, 'text-to-sql/'],
  'text-to-sql': [...contracts, 'repair/'],
  evaluation: [...contracts, 'text-to-sql/', 'repair/'],
  classroom: [...contracts, 'evaluation/'],
  visualization: ['database/database.ts'],
  storage: ['database/database.ts'],
};

/** Pure: these run in a page, a worker and Node alike, so they may name nothing that only one of those has. */
const pure = ['text-to-sql', 'evaluation', 'classroom', 'repair'];
const pageGlobals = ['document', 'window', 'localStorage', 'sessionStorage', 'alert', 'HTMLElement', 'customElements'];
const environmentGlobals = [
  ...['self', 'navigator', 'location', 'indexedDB', 'caches', 'fetch', 'Worker', 'postMessage', 'XMLHttpRequest', 'WebSocket'],
  ...['process', 'Buffer', 'global', 'require', '__dirname', '__filename'],
];

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function importRule(folder) {
  const others = folders.filter((other) => other !== folder).map(escape);
  const allowed = mayImport[folder].map((path) => escape(path) + (path.endsWith('/') ? '' : '$'));
  const exception = allowed.length > 0 ? `(?!${allowed.join('|')})` : '';
  const patterns = [
    {
      regex: `^(\\.\\./)+${exception}(${others.join('|')})/`,
      message: `src/${folder} may not import this folder (DESIGN.md, direction of dependencies; see scripts/dependency-rules.js).`,
    },
    { regex: '\\.svelte(\\.ts)?$', message: 'Components are drawn by src/app only.' },
    { regex: '(^|/)(cli|scripts|tests)/', message: 'src never imports cli, scripts or tests.' },
  ];
  if (pure.includes(folder)) {
    patterns.push({ regex: '^node:', message: `src/${folder} is pure: it runs in a page as well as in Node.` });
    patterns.push({ regex: '\\.worker(\\.ts)?(\\?|$)', message: `src/${folder} is pure: it starts no worker.` });
  }
  return ['error', { patterns }];
}

/** Storage keeps small settings where they can be read before the first paint; start-worker reads the page's address. */
const exempt = { storage: ['localStorage'], worker: ['document'] };

function globalsRule(folder) {
  const all = pure.includes(folder) ? [...pageGlobals, ...environmentGlobals] : pageGlobals;
  const names = all.filter((name) => !exempt[folder]?.includes(name));
  return ['error', ...names.map((name) => ({ name, message: `src/${folder} may not use ${name}: only src/app touches the page.` }))];
}

/** ESLint flat-config blocks; tests and `node/` subfolders may use Node, but keep to the direction of imports. */
export const dependencyRules = Object.keys(mayImport).flatMap((folder) => [
  {
    name: `dependencies/${folder}`,
    files: [`src/${folder}/**/*.{ts,js}`],
    ignores: ['**/*.test.ts', '**/node/**'],
    rules: { 'no-restricted-imports': importRule(folder), 'no-restricted-globals': globalsRule(folder) },
  },
]);
