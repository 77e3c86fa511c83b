import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog } from '@jupyterlab/apputils';
import type { Widget } from '@lumino/widgets';

import { CommandIDs } from '../commands';
import { logsIcon, metricsIcon } from '../icons';
import type { Model } from '../model';
import { IAca } from '../tokens';
import { LogDock } from './logDock';
import { MetricsDock } from './metricsDock';

const ARGS = { args: { type: 'object', properties: { app: { type: 'string', description: "the app's name" } } } } as const;

/** Logs and metrics docked below. */
export const bottomPanelPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aca-notebook:bottom-panel',
  description: 'Logs and metrics docked below.',
  autoStart: true,
  requires: [IAca],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, aca: IAca, palette: ICommandPalette | null): void => {
    const { model } = aca;
    const docks = new Map<string, Widget>();
    const dock = (make: (name: string) => Widget) => async (name: string): Promise<void> => {
      const chosen = name || (await choose(model));
      if (chosen === '') {
        return;
      }
      const made = make(chosen);
      const present = docks.get(made.id);
      if (present === undefined) {
        docks.set(made.id, made);
        made.disposed.connect(() => docks.delete(made.id));
        app.shell.add(made, 'down');
      } else {
        made.dispose();
      }
      app.shell.activateById(made.id);
    };
    const logs = dock(name => new LogDock(name, model.client));
    const metrics = dock(name => new MetricsDock(name, model.client));
    app.commands.addCommand(CommandIDs.openLogs, {
      label: args => (named(args.app) === '' ? 'Open an app’s log' : 'Open log'),
      icon: logsIcon,
      describedBy: ARGS,
      execute: args => logs(named(args.app))
    });
    app.commands.addCommand(CommandIDs.openMetrics, {
      label: args => (named(args.app) === '' ? 'Open an app’s metrics' : 'Open metrics'),
      icon: metricsIcon,
      describedBy: ARGS,
      execute: args => metrics(named(args.app))
    });
    for (const command of [CommandIDs.openLogs, CommandIDs.openMetrics]) {
      palette?.addItem({ command, category: 'ACA notebook' });
    }
  }
};

function named(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Ask which app, from those that are known; by its name where none is. */
async function choose(model: Model): Promise<string> {
  const names = model.tree?.environments.flatMap(each => each.apps.map(app => app.name)) ?? [];
  const title = 'Which app?';
  const answer =
    names.length > 0
      ? await InputDialog.getItem({ title, items: names })
      : await InputDialog.getText({ title, placeholder: 'its name' });
  return answer.button.accept ? (answer.value ?? '') : '';
}
