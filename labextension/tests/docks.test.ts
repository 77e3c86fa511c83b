import { Widget } from '@lumino/widgets';
import { afterEach, expect, test } from 'vitest';

import { LogDock } from '../src/bottomPanel/logDock';
import type { LogLine, LogPage } from '../src/protocol';
import { Client } from '../src/protocol';

const line = (text: string): LogLine => ({ text, at: null, source: 'console', level: '', revision: '', replica: '', reason: '' });
const docks: LogDock[] = [];

afterEach(() => docks.splice(0).forEach(dock => dock.dispose()));

/** A dock that is seen, whose server answers with these pages in turn, and then no more. */
function dockOf(...pages: readonly Partial<LogPage>[]): HTMLElement {
  const left = [...pages];
  const client = new Client(() => {
    const page = left.shift();
    const whole = { lines: [], next: 1, missed: 0, begun: false, ended: false, problem: null, ...page };
    return page === undefined ? new Promise(() => undefined) : Promise.resolve(whole);
  });
  const dock = new LogDock('scorer', client);
  docks.push(dock);
  Widget.attach(dock, document.body);
  return dock.node;
}

/** Resolves when something in a node has changed so that `done` holds. */
function until(node: HTMLElement, done: () => boolean): Promise<void> {
  return new Promise(resolve => {
    const observer = new MutationObserver(() => {
      if (done()) {
        observer.disconnect();
        resolve();
      }
    });
    observer.observe(node, { childList: true, subtree: true, characterData: true });
  });
}

const shown = (node: HTMLElement): string[] => [...node.querySelectorAll('.aca-log-text')].map(each => each.textContent);

test('a log that began anew is shown once, not below what was there', async () => {
  const node = dockOf({ lines: [line('a'), line('b')] }, { lines: [line('b'), line('c')], begun: true });
  await until(node, () => shown(node).at(-1) === 'c');
  expect(shown(node)).toEqual(['b', 'c']);
});

test('a screen reader is not told each line, and its status only when that changes', async () => {
  const node = dockOf({ lines: [line('a')] }, { lines: [line('b')] });
  const status = node.querySelector('[role=status]')!;
  let written = 0;
  new MutationObserver(() => (written += 1)).observe(status, { childList: true });
  await until(node, () => shown(node).length === 2);
  expect(node.querySelector('[role=log]')?.getAttribute('aria-live')).toBe('off');
  expect(status.textContent).toBe('following');
  expect(written).toBe(1);
});
