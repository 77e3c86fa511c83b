import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { IAca } from '../tokens';

/** A tile in the launcher. */
export const launcherPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aca-notebook:launcher',
  description: 'A tile in the launcher.',
  autoStart: true,
  requires: [IAca],
  activate: (_app: JupyterFrontEnd, _aca: IAca): void => undefined
};
