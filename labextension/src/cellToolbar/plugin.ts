import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';

import { CommandIDs } from '../commands';
import { deployIcon, logsIcon, sessionIcon } from '../icons';
import { IAca } from '../tokens';
import { deployCell, runInSession } from './actions';
import { Badges } from './badges';
import { readMagic } from './magicLine';

const ID = 'aca-notebook:cell-toolbar';
const NOTHING = { args: { type: 'object', properties: {} } } as const;

/** Buttons and badges on cells. */
export const cellToolbarPlugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Buttons and badges on cells.',
  autoStart: true,
  requires: [IAca, INotebookTracker],
  optional: [ICommandPalette, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    aca: IAca,
    tracker: INotebookTracker,
    palette: ICommandPalette | null,
    settings: ISettingRegistry | null
  ): void => {
    addCommands(app, tracker, palette);
    const decorate = (_: unknown, panel: NotebookPanel): Badges => new Badges(panel, aca.model);
    tracker.forEach(panel => decorate(null, panel));
    tracker.widgetAdded.connect(decorate);
    // The buttons are in the schema; without it the commands are in the palette alone.
    void settings?.load(ID).catch(() => undefined);
  }
};

function addCommands(app: JupyterFrontEnd, tracker: INotebookTracker, palette: ICommandPalette | null): void {
  const onCode = (): boolean => tracker.activeCell?.model.type === 'code';
  const act = (what: (panel: NotebookPanel) => Promise<void>) => async (): Promise<void> => {
    if (tracker.currentWidget !== null) {
      await what(tracker.currentWidget);
    }
  };
  app.commands.addCommand(CommandIDs.deployCell, {
    label: 'Deploy to GPU…',
    caption: 'Deploy this cell: choose a name and a GPU, see the line and its plan',
    icon: deployIcon,
    describedBy: NOTHING,
    isEnabled: onCode,
    isVisible: onCode,
    execute: act(deployCell)
  });
  app.commands.addCommand(CommandIDs.runInSession, {
    label: 'Run in session…',
    caption: 'Run this cell in a sandbox',
    icon: sessionIcon,
    describedBy: NOTHING,
    isEnabled: onCode,
    isVisible: onCode,
    execute: act(runInSession)
  });
  app.commands.addCommand(CommandIDs.cellLogs, {
    label: 'Open logs of this cell',
    caption: 'Open the log of the app that this cell is deployed as',
    icon: logsIcon,
    describedBy: NOTHING,
    isEnabled: () => appOf(tracker) !== '',
    isVisible: () => appOf(tracker) !== '',
    execute: () => app.commands.execute(CommandIDs.openLogs, { app: appOf(tracker) })
  });
  for (const command of [CommandIDs.deployCell, CommandIDs.runInSession, CommandIDs.cellLogs]) {
    palette?.addItem({ command, category: 'ACA notebook' });
  }
}

/** The app that the active cell's line deploys; empty for a cell without one. */
function appOf(tracker: INotebookTracker): string {
  const line = readMagic(tracker.activeCell?.model.sharedModel.getSource() ?? '');
  return line !== null && ['deploy', 'plan'].includes(line.verb) ? line.name : '';
}
