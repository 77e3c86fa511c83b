import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { Model } from './model';
import { Client } from './protocol';
import { sender } from './request';
import { IAca } from './tokens';

/** Provides the one model that every surface shows. */
export const settingsPlugin: JupyterFrontEndPlugin<IAca> = {
  id: 'aca-notebook:settings',
  description: 'What runs on Azure Container Apps, read from the server extension.',
  autoStart: true,
  provides: IAca,
  activate: (app: JupyterFrontEnd): IAca => ({
    model: new Model(new Client(sender(app.serviceManager.serverSettings)))
  })
};
