import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { IAca } from '../tokens';

/** Target, GPUs and cost in the status bar. */
export const statusBarPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aca-notebook:status-bar',
  description: 'Target, GPUs and cost in the status bar.',
  autoStart: true,
  requires: [IAca],
  activate: (_app: JupyterFrontEnd, _aca: IAca): void => undefined
};
