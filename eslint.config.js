import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import { dependencyRules } from './scripts/dependency-rules.js';
import svelteConfig from './svelte.config.js';

const projects = ['tsconfig.page.json', 'tsconfig.workers.json', 'tsconfig.node.json', 'tsconfig.components.json'];

/** No HTML is ever made from text and no text is ever run: what a database, a model or a file holds stays text. */
const textStaysText = {
  'no-eval': 'error',
  'no-implied-eval': 'error',
  'no-new-func': 'error',
  'no-restricted-properties': [
    'error',
    ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'srcdoc', 'setHTMLUnsafe'].map((property) => ({
      property,
      message: 'Names and cells are text: use textContent or a template.',
    })),
  ],
};

export default ts.config(
  {
    ignores: [
      ...[
        'node_modules/',
        'dist/',
        'dev-dist/',
        'coverage/',
        'public/',
        'reports/',
        'training/',
        'model-build/',
        '.cache/',
        'test-results/',
      ],
      '**/*.cjs',
    ],
  },
  js.configs.recommended,
  ...ts.configs.strictTypeChecked,
  ...ts.configs.stylisticTypeChecked,
  ...svelte.configs['flat/recommended'],
  {
    languageOptions: { parserOptions: { project: projects, tsconfigRootDir: import.meta.dirname, extraFileExtensions: ['.svelte'] } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      ...textStaysText,
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Splitting text into code points is what a tokenizer wants.
      '@typescript-eslint/no-misused-spread': ['error', { allow: ['string'] }],
      // `while (true)` is how a hand-written parser reads.
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      eqeqeq: 'error',
      'no-empty': ['error', { allowEmptyCatch: false }],
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { globals: globals.browser, parserOptions: { parser: ts.parser, svelteConfig } },
    rules: {
      'svelte/no-at-html-tags': 'error',
      'svelte/no-target-blank': 'error',
      'svelte/button-has-type': 'error',
      // `let x = $props()` and bindings are written with let by Svelte's own convention.
      'prefer-const': 'off',
      'svelte/prefer-const': ['error', { excludedRunes: ['$props', '$bindable'] }],
    },
  },
  { files: ['**/*.js'], ...ts.configs.disableTypeChecked, languageOptions: { globals: globals.node, parserOptions: { project: null } } },
  ...dependencyRules,
);
