import type { Cell } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { expect, test } from 'vitest';

import { run } from '../src/cellToolbar/actions';

/** A cell below one that loads the magic, in a notebook whose kernel answers so. */
function notebookOf(done: () => Promise<unknown>, present = true): { panel: NotebookPanel; cell: Cell; sources: string[] } {
  const sources: string[] = [];
  const cellOf = (source: string): object => ({
    isDisposed: false,
    model: { sharedModel: { getSource: () => source, setSource: (changed: string) => sources.push(changed) } }
  });
  const [first, cell] = [cellOf('%load_ext aca_notebook'), cellOf('x = 1')];
  const kernel = { requestExecute: () => ({ done: done() }) };
  const panel = {
    sessionContext: { ready: Promise.resolve(), session: { kernel } },
    content: { widgets: present ? [first, cell] : [first] }
  };
  return { panel: panel as unknown as NotebookPanel, cell: cell as Cell, sources };
}

/** The words of the dialog that comes; it is dismissed. */
function said(): Promise<string> {
  return new Promise(resolve => {
    const look = (): void => {
      const dialog = document.querySelector('.jp-Dialog');
      if (dialog !== null) {
        observer.disconnect();
        resolve(dialog.textContent);
        dialog.querySelector('button')?.click();
      }
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { childList: true, subtree: true });
    look();
  });
}

test('a kernel that ends before the cell runs is said, and the cell stays as it was', async () => {
  const { panel, cell, sources } = notebookOf(() => Promise.reject(new Error('Canceled future for execute_request')));
  const ran = run(panel, cell, '%%aca deploy scorer');
  expect(await said()).toContain('Canceled future');
  await ran;
  expect(sources).toEqual([]);
});

test('a cell that was deleted meanwhile is said to be gone', async () => {
  const { panel, cell, sources } = notebookOf(() => Promise.resolve(), false);
  const ran = run(panel, cell, '%%aca deploy scorer');
  expect(await said()).toContain('no longer in the notebook');
  await ran;
  expect(sources).toEqual([]);
});
