import { ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { CommandIDs } from '../commands';
import { IAca } from '../tokens';
import { Panel } from './panel';

/** The side panel, and the commands that act on what is chosen in it. */
export const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aca-notebook:panel',
  description: 'Target, apps, revisions, pools and sessions in a side panel.',
  autoStart: true,
  requires: [IAca],
  optional: [ILayoutRestorer],
  activate: (app: JupyterFrontEnd, aca: IAca, restorer: ILayoutRestorer | null): void => {
    const panel = new Panel(aca.model);
    app.shell.add(panel, 'left', { rank: 450, type: 'ACA notebook' });
    restorer?.add(panel, panel.id);
    app.commands.addCommand(CommandIDs.showPanel, {
      label: 'Show ACA notebook',
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => app.shell.activateById(panel.id)
    });
  }
};
