import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { IAca } from '../tokens';

/** Buttons and badges on cells. */
export const cellToolbarPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aca-notebook:cell-toolbar',
  description: 'Buttons and badges on cells.',
  autoStart: true,
  requires: [IAca],
  activate: (_app: JupyterFrontEnd, _aca: IAca): void => undefined
};
