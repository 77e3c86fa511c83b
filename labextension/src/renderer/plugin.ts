import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import { CommandIDs } from '../commands';
import { IAca } from '../tokens';
import { MIME } from './kept';
import type { Acts } from './savedCard';
import { SavedCard } from './savedCard';

/** Before HTML, which has 50: the card's own HTML is shown, with a line that lives. */
const RANK = 45;

/** Saved cards come alive again. */
export const rendererPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aca-notebook:renderer',
  description: 'Saved cards come alive again.',
  autoStart: true,
  requires: [IAca, IRenderMimeRegistry],
  activate: (app: JupyterFrontEnd, aca: IAca, registry: IRenderMimeRegistry): void => {
    const run = (command: string) => (name: string): void => void app.commands.execute(command, { app: name });
    const acts: Acts = {
      open: run(CommandIDs.open),
      logs: run(CommandIDs.openLogs),
      metrics: run(CommandIDs.openMetrics)
    };
    registry.addFactory(
      {
        safe: true, // its HTML goes through the notebook's own renderer, which cleans what is not trusted
        mimeTypes: [MIME],
        createRenderer: options => {
          const html = registry.getFactory('text/html')?.createRenderer({ ...options, mimeType: 'text/html' });
          return new SavedCard(html ?? null, aca.model, acts);
        }
      },
      RANK
    );
  }
};
