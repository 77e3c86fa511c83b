import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { IAca } from '../tokens';
import { wantsServer } from './addresses';
import { openLater } from './opening';

/** Where all links are ours: those elsewhere may be another tool's, such as a dashboard's. */
const OURS = '.aca-card, [data-aca-view]';

/** Behind JupyterHub and on Binder, links of cards to this machine's apps lead through the Jupyter server. */
export const linksPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aca-notebook:links',
  description: 'Links of cards work where the browser reaches nothing but the Jupyter server.',
  autoStart: true,
  requires: [IAca],
  activate: (app: JupyterFrontEnd, { model }: IAca): void => {
    const base = app.serviceManager.serverSettings.baseUrl;
    document.addEventListener(
      'click',
      event => {
        const link = event.target instanceof Element ? event.target.closest('.jp-OutputArea-output a[href]') : null;
        const address = link instanceof HTMLAnchorElement ? wantsServer(link.href, window.location.hostname) : null;
        if (address !== null && event.button === 0) {
          event.preventDefault();
          event.stopPropagation();
          const otherwise = link?.closest(OURS) ? null : address;
          void openLater(base, async () => (await model.client.linkTo({ address })).url, otherwise);
        }
      },
      { capture: true }
    );
  }
};
