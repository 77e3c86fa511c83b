import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, InputDialog, Notification, showDialog, showErrorMessage } from '@jupyterlab/apputils';
import type { INotebookTracker } from '@jupyterlab/notebook';
import { NotebookActions } from '@jupyterlab/notebook';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs } from '../commands';
import { isLoopback, ownMachine } from '../links/addresses';
import { openLater } from '../links/opening';
import type { Model } from '../model';
import type { Action, App } from '../protocol';
import { problemOf } from '../request';
import type { Panel } from './panel';
import { priceOf, questionOf, readBounds } from './questions';
import type { Row } from './rows';

const ARGS = { args: { type: 'object', properties: { app: { type: 'string', description: "the app's name" } } } } as const;
/** What each command does with a revision that is chosen; the others act on the app. */
const LABELS: Record<string, { readonly action: Action['action']; readonly label: string; readonly revision: boolean }> = {
  [CommandIDs.stop]: { action: 'stop', label: 'Stop', revision: false },
  [CommandIDs.start]: { action: 'start', label: 'Start', revision: false },
  [CommandIDs.restart]: { action: 'restart', label: 'Restart', revision: true },
  [CommandIDs.keep]: { action: 'keep', label: 'Keep (never expires)', revision: false },
  [CommandIDs.down]: { action: 'down', label: 'Delete …', revision: false },
  [CommandIDs.promote]: { action: 'promote', label: 'Send all requests here', revision: true },
  [CommandIDs.activate]: { action: 'activate', label: 'Activate', revision: true },
  [CommandIDs.deactivate]: { action: 'deactivate', label: 'Deactivate', revision: true }
};

/** In menus these are about the chosen row; those of the docks ask which app. */
const DOCKS = [
  [CommandIDs.chosenLogs, CommandIDs.openLogs, 'Open log'],
  [CommandIDs.chosenMetrics, CommandIDs.openMetrics, 'Open metrics']
] as const;

interface Subject {
  readonly app: App;
  readonly row: Row | null;
}

/** What the commands need. */
export interface Surroundings {
  readonly app: JupyterFrontEnd;
  readonly model: Model;
  readonly panel: Panel;
  readonly notebooks: INotebookTracker | null;
}

/** The commands on apps, revisions and sessions: in menus they act on the chosen row, elsewhere on the app they name. */
export function addCommands(around: Surroundings): void {
  const { app, model, panel } = around;
  for (const [command, { action, label, revision }] of Object.entries(LABELS)) {
    app.commands.addCommand(command, {
      label,
      describedBy: ARGS,
      isEnabled: args => subject(around, args) !== null,
      isVisible: args => fits(action, subject(around, args)),
      execute: args => act(around, args, action, revision)
    });
  }
  app.commands.addCommand(CommandIDs.scale, {
    label: 'Scale …',
    describedBy: ARGS,
    isEnabled: args => subject(around, args) !== null,
    execute: args => scale(around, args)
  });
  app.commands.addCommand(CommandIDs.insertCode, {
    label: 'Insert calling code',
    caption: 'Add a cell that calls the app to the notebook',
    describedBy: ARGS,
    isEnabled: args => subject(around, args) !== null && (around.notebooks?.currentWidget ?? null) !== null,
    execute: args => insertCode(around, args)
  });
  for (const [command, opens, label] of DOCKS) {
    app.commands.addCommand(command, {
      label,
      describedBy: { args: { type: 'object', properties: {} } },
      isEnabled: () => subject(around, {}) !== null,
      execute: () => app.commands.execute(opens, { app: subject(around, {})?.app.name ?? '' })
    });
  }
  app.commands.addCommand(CommandIDs.open, {
    label: 'Open page',
    caption: 'Open what the app serves to browsers',
    describedBy: ARGS,
    isEnabled: args => subject(around, args)?.app.url !== '',
    execute: args => open(around, args, isLoopback(window.location.hostname))
  });
  app.commands.addCommand(CommandIDs.openThrough, {
    label: 'Open through Jupyter',
    caption: 'For a browser on another machine to which only Jupyter’s port is forwarded',
    describedBy: ARGS,
    isEnabled: args => subject(around, args)?.app.url !== '',
    isVisible: args => isLoopback(window.location.hostname) && ownMachine(subject(around, args)?.app.url ?? '') !== null,
    execute: args => open(around, args, false)
  });
  app.commands.addCommand(CommandIDs.endSession, {
    label: 'End session …',
    describedBy: { args: { type: 'object', properties: {} } },
    isEnabled: () => (panel.tree.chosen?.session ?? null) !== null,
    execute: () => endSession(around)
  });
  app.commands.addCommand(CommandIDs.refresh, {
    label: 'Look at apps again',
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => model.refresh()
  });
}

/** Whether an action makes sense as the app or the revision is now. */
function fits(action: Action['action'], about: Subject | null): boolean {
  const stopped = about?.app.dot === 'stopped';
  const active = about?.row?.revision?.active ?? true;
  switch (action) {
    case 'start':
      return stopped;
    case 'stop':
      return !stopped;
    case 'activate':
      return !active;
    case 'deactivate':
      return active;
    case 'keep':
      return (about?.app.expiresAt ?? null) !== null;
    default:
      return true;
  }
}

/** The app a command is about: the one it names, or the chosen row's. */
export function subject(around: Surroundings, args: ReadonlyPartialJSONObject): Subject | null {
  const row = around.panel.tree.chosen;
  if (typeof args.app === 'string') {
    const found = around.model.tree?.environments.flatMap(each => each.apps).find(each => each.name === args.app);
    return found ? { app: found, row: null } : null;
  }
  return row?.app ? { app: row.app, row } : null;
}

async function act(
  around: Surroundings,
  args: ReadonlyPartialJSONObject,
  action: Action['action'],
  ofRevision: boolean
): Promise<void> {
  const about = subject(around, args);
  const target = around.model.tree?.target;
  if (about === null || target === undefined) {
    return;
  }
  const revision = ofRevision ? (about.row?.revision ?? null) : null;
  const question = questionOf(action, about.app, revision, target);
  if (question !== null && !(await accepted(question.title, question.body, question.accept, question.warn))) {
    return;
  }
  await doing(around, () => around.model.act(about.app.name, { action, ...(revision && { revision: revision.name }) }));
}

async function scale(around: Surroundings, args: ReadonlyPartialJSONObject): Promise<void> {
  const about = subject(around, args);
  const target = around.model.tree?.target;
  if (about === null || target === undefined) {
    return;
  }
  const { app } = about;
  const answer = await InputDialog.getText({
    title: `How many replicas of ${app.name}?`,
    label: `The least and the most. At least one runs all the time, unless the least is 0. ${priceOf(app, target)}`,
    text: `${app.minReplicas}-${app.maxReplicas}`,
    okLabel: 'Scale'
  });
  if (!answer.button.accept) {
    return;
  }
  const bounds = readBounds(answer.value ?? '');
  if (typeof bounds === 'string') {
    await showErrorMessage('That is no number of replicas', bounds);
    return;
  }
  const sent = { action: 'scale', minReplicas: bounds.min, maxReplicas: bounds.max } as const;
  await doing(around, () => around.model.act(app.name, sent));
}

/** Open an app's page: by its own address if the browser is `here`, on the server's machine, or else through Jupyter. */
async function open(around: Surroundings, args: ReadonlyPartialJSONObject, here: boolean): Promise<void> {
  const about = subject(around, args);
  const name = about?.app.name ?? (typeof args.app === 'string' ? args.app : '');
  if (name !== '') {
    const base = around.app.serviceManager.serverSettings.baseUrl;
    await openLater(base, async () => (await around.model.client.link(name, { here })).url);
  }
}

async function endSession(around: Surroundings): Promise<void> {
  const session = around.panel.tree.chosen?.session;
  if (!session) {
    return;
  }
  const title = `End session ${session.identifier}?`;
  if (await accepted(title, 'Its variables and files are gone. This cannot be undone.', 'End', true)) {
    await doing(around, async () => {
      const done = await around.model.client.endSession(session.pool, session.identifier);
      await around.model.refresh();
      return done.message;
    });
  }
}

async function insertCode(around: Surroundings, args: ReadonlyPartialJSONObject): Promise<void> {
  const about = subject(around, args);
  const notebook = around.notebooks?.currentWidget?.content;
  if (about === null || !notebook) {
    return;
  }
  try {
    const { code } = await around.model.client.callingCode(about.app.name);
    NotebookActions.insertBelow(notebook);
    notebook.activeCell?.model.sharedModel.setSource(code);
  } catch (error) {
    around.panel.fail(error);
  }
}

/** Do it, and say how it went: below the page what was done, in the panel what failed. */
async function doing(around: Surroundings, work: () => Promise<string>): Promise<void> {
  around.panel.fail(null);
  try {
    Notification.success(await work(), { autoClose: 4_000 });
  } catch (error) {
    around.panel.fail(error);
    const { message, hint } = problemOf(error);
    Notification.error([message, hint].filter(Boolean).join('\n'), { autoClose: false });
  }
}

async function accepted(title: string, body: string, accept: string, warn: boolean): Promise<boolean> {
  const button = warn ? Dialog.warnButton({ label: accept }) : Dialog.okButton({ label: accept });
  const answer = await showDialog({ title, body, buttons: [Dialog.cancelButton(), button], defaultButton: warn ? 0 : 1 });
  return answer.button.accept;
}
