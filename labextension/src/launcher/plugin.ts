import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, showErrorMessage } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';

import { CommandIDs } from '../commands';
import { deployIcon, deployPicture } from '../icons';
import { starterNotebook } from './starterNotebook';

/** A tile in the launcher. */
export const launcherPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aca-notebook:launcher',
  description: 'A tile in the launcher.',
  autoStart: true,
  optional: [ILauncher, ICommandPalette],
  activate: (app: JupyterFrontEnd, launcher: ILauncher | null, palette: ICommandPalette | null): void => {
    const command = CommandIDs.newNotebook;
    app.commands.addCommand(command, {
      label: args => (args.isPalette ? 'New ACA notebook' : 'ACA notebook'),
      caption: 'Open a notebook whose first cells plan an app; nothing runs before you run it',
      icon: args => (args.isPalette ? undefined : deployIcon),
      describedBy: { args: { type: 'object', properties: { cwd: { type: 'string' } } } },
      execute: args => create(app, typeof args.cwd === 'string' ? args.cwd : '')
    });
    launcher?.add({ command, category: 'Notebook', rank: 10, kernelIconUrl: deployPicture });
    palette?.addItem({ command, category: 'ACA notebook', args: { isPalette: true } });
  }
};

async function create(app: JupyterFrontEnd, folder: string): Promise<unknown> {
  const { contents } = app.serviceManager;
  try {
    const { path } = await contents.newUntitled({ path: folder, type: 'notebook' });
    await contents.save(path, { type: 'notebook', format: 'json', content: starterNotebook() });
    return await app.commands.execute('docmanager:open', { path });
  } catch (error) {
    return showErrorMessage('The notebook could not be made', error instanceof Error ? error.message : String(error));
  }
}
