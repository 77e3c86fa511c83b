import js from '@eslint/js';
import typescript from 'typescript-eslint';

export default typescript.config(
  { ignores: ['lib/**', 'node_modules/**', 'style/**', 'src/protocol.ts', 'vitest.config.mts', 'eslint.config.mjs'] },
  js.configs.recommended,
  ...typescript.configs.strictTypeChecked,
  ...typescript.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.tests.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'max-lines': ['error', 400],
      'max-lines-per-function': ['error', { max: 60, skipComments: true }],
      eqeqeq: 'error'
    }
  },
  {
    // What decides knows neither page nor server: it can be tested with values alone.
    files: [
      'src/bottomPanel/{drawing,lines}.ts', 'src/cellToolbar/{badge,fingerprint,magicLine}.ts',
      'src/closeGuard/running.ts', 'src/launcher/starterNotebook.ts', 'src/panel/{questions,rows}.ts', 'src/renderer/live.ts',
      'src/statusBar/summary.ts'
    ],
    rules: {
      'no-restricted-globals': ['error', 'document', 'window', 'navigator', 'location', 'fetch', 'setTimeout', 'Date']
    }
  },
  {
    // Views ask the model, and the model its client: only one module sends requests.
    files: ['src/**'],
    ignores: ['src/request.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: "CallExpression[callee.name='fetch']", message: 'request.ts sends requests' },
        { selector: "MemberExpression[object.name='ServerConnection']", message: 'request.ts sends requests' }
      ]
    }
  },
  {
    // A test tells a whole story, and reaches for what must be there.
    files: ['tests/**'],
    rules: { 'max-lines-per-function': 'off', '@typescript-eslint/no-non-null-assertion': 'off' }
  }
);
