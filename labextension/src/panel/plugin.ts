import { ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';

import { CommandIDs } from '../commands';
import { IAca } from '../tokens';
import { addCommands } from './actions';
import { pressed } from './drag';
import { Panel } from './panel';

const CATEGORY = 'ACA notebook';
/** What can be done with an app, a revision and a session, in the order of the menus. */
const MENUS: Record<string, readonly (readonly string[])[]> = {
  app: [
    [CommandIDs.open, CommandIDs.openThrough, CommandIDs.insertCode, CommandIDs.chosenLogs, CommandIDs.chosenMetrics],
    [CommandIDs.start, CommandIDs.stop, CommandIDs.restart, CommandIDs.scale, CommandIDs.keep],
    [CommandIDs.down]
  ],
  revision: [[CommandIDs.promote, CommandIDs.restart, CommandIDs.activate, CommandIDs.deactivate]],
  session: [[CommandIDs.endSession]]
};

/** The side panel, and the commands that act on what is chosen in it. */
export const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aca-notebook:panel',
  description: 'Target, apps, revisions, pools and sessions in a side panel.',
  autoStart: true,
  requires: [IAca],
  optional: [ILayoutRestorer, INotebookTracker, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    { model }: IAca,
    restorer: ILayoutRestorer | null,
    notebooks: INotebookTracker | null,
    palette: ICommandPalette | null
  ): void => {
    const panel: Panel = new Panel(model, {
      invoke: row => void (row.kind === 'app' && app.commands.execute(CommandIDs.openLogs, { app: row.label })),
      menu: (_row, x, y) => openMenu(panel, x, y),
      press: (row, event) => pressed(model.client, row, event, error => panel.fail(error))
    });
    app.shell.add(panel, 'left', { rank: 450, type: 'ACA notebook' });
    restorer?.add(panel, panel.id);
    addCommands({ app, model, panel, notebooks });
    app.commands.addCommand(CommandIDs.showPanel, {
      label: 'Show apps and sessions',
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => {
        app.shell.activateById(panel.id);
        afterFrames(4, () => panel.activate());
      }
    });
    addMenus(app);
    for (const command of [CommandIDs.showPanel, CommandIDs.refresh, CommandIDs.insertCode]) {
      palette?.addItem({ command, category: CATEGORY });
    }
  }
};

/** The palette gives the focus back to the notebook after a command, in a frame or two: what takes it must come later. */
function afterFrames(count: number, act: () => void): void {
  if (count === 0) {
    act();
  } else {
    requestAnimationFrame(() => afterFrames(count - 1, act));
  }
}

/** The page's own context menu shows what fits the row it is opened on. */
function addMenus(app: JupyterFrontEnd): void {
  for (const [kind, groups] of Object.entries(MENUS)) {
    const selector = `.aca-row-${kind}`;
    groups.forEach((commands, group) => {
      if (group > 0) {
        app.contextMenu.addItem({ type: 'separator', selector, rank: group * 10 - 1 });
      }
      commands.forEach((command, index) => app.contextMenu.addItem({ command, selector, rank: group * 10 + index }));
    });
  }
}

/** Open the chosen row's menu from the keyboard or its button, as a right click would. */
function openMenu(panel: Panel, clientX: number, clientY: number): void {
  const row = panel.node.querySelector('[role="treeitem"][aria-selected="true"]');
  row?.dispatchEvent(new MouseEvent('contextmenu', { bubbles: true, cancelable: true, clientX, clientY }));
}
