import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { IAca } from '../tokens';

/** Saved cards come alive again. */
export const rendererPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aca-notebook:renderer',
  description: 'Saved cards come alive again.',
  autoStart: true,
  requires: [IAca],
  activate: (_app: JupyterFrontEnd, _aca: IAca): void => undefined
};
