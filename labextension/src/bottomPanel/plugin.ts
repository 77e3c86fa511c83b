import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { IAca } from '../tokens';

/** Logs and metrics docked below. */
export const bottomPanelPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aca-notebook:bottom-panel',
  description: 'Logs and metrics docked below.',
  autoStart: true,
  requires: [IAca],
  activate: (_app: JupyterFrontEnd, _aca: IAca): void => undefined
};
