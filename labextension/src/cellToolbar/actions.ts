import { Dialog, showDialog, showErrorMessage } from '@jupyterlab/apputils';
import type { Cell } from '@jupyterlab/cells';
import { NotebookActions } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';

import { DeployForm, SessionForm } from './deployDialog';
import { definitions, deployLine, otherMagic, readMagic, sessionLine, withLine } from './magicLine';

const LOAD = '%load_ext aca_notebook';
const PLAN = 'plan';

/** Ask what to deploy the active cell as, put the line on top of it, and run it. */
export async function deployCell(panel: NotebookPanel): Promise<void> {
  const cell = panel.content.activeCell;
  if (cell?.model.type !== 'code' || !(await free(cell))) {
    return;
  }
  const source = cell.model.sharedModel.getSource();
  if (definitions(source).length === 0 && readMagic(source) === null) {
    await showErrorMessage(
      'There is nothing to deploy in this cell',
      'A deployed cell serves its functions and classes: define one, such as def score(x: float) -> float.'
    );
    return;
  }
  const form = new DeployForm(source, !mentions(panel));
  const answer = await showDialog({
    title: 'Deploy this cell',
    body: form,
    buttons: [
      Dialog.cancelButton(),
      Dialog.createButton({ label: 'Show plan', actions: [PLAN] }),
      Dialog.okButton({ label: 'Deploy' })
    ],
    focusNodeSelector: 'input'
  });
  if (answer.button.accept) {
    const choice = form.choice(answer.button.actions.includes(PLAN));
    await run(panel, cell, deployLine(source, choice));
  }
}

/** Ask which session, put the line on top of the active cell, and run it there. */
export async function runInSession(panel: NotebookPanel): Promise<void> {
  const cell = panel.content.activeCell;
  if (cell?.model.type !== 'code' || !(await free(cell))) {
    return;
  }
  const source = cell.model.sharedModel.getSource();
  const present = readMagic(source);
  const name = present?.verb === 'session' ? present.name : '';
  const answer = await showDialog({
    title: 'Run this cell in a session',
    body: new SessionForm(name, chosen => sessionLine(source, chosen), !mentions(panel)),
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: 'Run' })],
    focusNodeSelector: 'input'
  });
  if (answer.button.accept) {
    await run(panel, cell, sessionLine(source, answer.value ?? ''));
  }
}

/** Whether a line of ours can stand on top; a cell that has somebody else's magic there is told so. */
async function free(cell: Cell): Promise<boolean> {
  const other = otherMagic(cell.model.sharedModel.getSource());
  if (other !== '') {
    await showErrorMessage(
      `This cell starts with ${other}`,
      `Only one magic can run a cell: take ${other} away first.`
    );
  }
  return other === '';
}

/** Change the cell where everybody sees it, then run it as the Run button does. */
export async function run(panel: NotebookPanel, cell: Cell, line: string): Promise<void> {
  try {
    await panel.sessionContext.ready; // a page that was just opened has no kernel yet, and would run nothing
    await load(panel);
    await runLine(panel, cell, line);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const why = cellIsIn(panel, cell) ? `Once the kernel is idle, try again (it said: ${said}).` : 'It is no longer in the notebook.';
    await showErrorMessage('The cell was not run', why);
  }
}

async function runLine(panel: NotebookPanel, cell: Cell, line: string): Promise<void> {
  const notebook = panel.content;
  if (!cellIsIn(panel, cell)) {
    throw new Error('no such cell');
  }
  cell.model.sharedModel.setSource(withLine(cell.model.sharedModel.getSource(), line));
  notebook.activeCellIndex = notebook.widgets.indexOf(cell);
  notebook.deselectAll();
  await NotebookActions.runCells(notebook, [cell], panel.sessionContext);
}

function cellIsIn(panel: NotebookPanel, cell: Cell): boolean {
  return !cell.isDisposed && panel.content.widgets.includes(cell);
}

/** Whether a cell of the notebook loads the magic. */
function mentions(panel: NotebookPanel): boolean {
  return panel.content.widgets.some(each => each.model.sharedModel.getSource().includes(LOAD));
}

/** Have the kernel know `%aca`: by a new first cell, or again, silently, where the notebook has such a cell. */
async function load(panel: NotebookPanel): Promise<void> {
  const { content: notebook, sessionContext } = panel;
  if (mentions(panel)) {
    await sessionContext.session?.kernel?.requestExecute({ code: LOAD, silent: true, store_history: false }).done;
    return;
  }
  notebook.model?.sharedModel.insertCell(0, { cell_type: 'code', source: LOAD, metadata: {} });
  const [first] = notebook.widgets;
  if (first !== undefined) {
    await NotebookActions.runCells(notebook, [first], sessionContext);
  }
}
