import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { Widget } from '@lumino/widgets';

import { CommandIDs } from '../commands';
import type { Model } from '../model';
import { IAca } from '../tokens';
import { summarize } from './summary';

/** Target, GPUs and cost in the status bar. */
export const statusBarPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aca-notebook:status-bar',
  description: 'Target, GPUs and cost in the status bar.',
  autoStart: true,
  requires: [IAca],
  optional: [IStatusBar],
  activate: (app: JupyterFrontEnd, aca: IAca, bar: IStatusBar | null): void => {
    if (bar === null) {
      return; // Notebook 7 has none
    }
    const item = new StatusItem(aca.model, () => void app.commands.execute(CommandIDs.showPanel));
    bar.registerStatusItem('aca-notebook:status', { item, align: 'left', rank: 100 });
    aca.model.watchStatus();
  }
};

/** One line; a click opens the panel. */
class StatusItem extends Widget {
  private readonly button = document.createElement('button');

  constructor(
    private readonly model: Model,
    open: () => void
  ) {
    super();
    this.addClass('aca-status');
    this.button.type = 'button';
    this.button.addEventListener('click', open);
    this.node.append(this.button);
    model.changed.connect(this.draw);
    this.draw();
  }

  private readonly draw = (): void => {
    const { text, title } = summarize(this.model.status, this.model.problems.status);
    this.button.textContent = text;
    this.button.title = title;
    this.button.setAttribute('aria-label', `${title} Opens the panel.`);
  };
}
