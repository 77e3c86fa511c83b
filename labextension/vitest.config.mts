import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'jsdom',
    include: ['tests/**/*.test.ts'],
    setupFiles: ['tests/browser.ts'],
    // Published as CommonJS that imports style sheets, or as modules without file endings: Node alone reads neither.
    server: { deps: { inline: [/@jupyterlab/, /@lumino/, /@jupyter\//] } }
  }
});
