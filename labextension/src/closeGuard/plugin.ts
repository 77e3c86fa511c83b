import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, showDialog } from '@jupyterlab/apputils';
import { CodeCell } from '@jupyterlab/cells';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { Message } from '@lumino/messaging';
import { MessageLoop } from '@lumino/messaging';

import { keptBy } from '../cellToolbar/badges';
import { CommandIDs } from '../commands';
import type { Model } from '../model';
import type { Tree } from '../protocol';
import { dollars } from '../statusBar/summary';
import { IAca } from '../tokens';
import type { Closing, GuardMode, Question } from './running';
import { asked, decideQuestion, mayAsk, wordsOf } from './running';

const ID = 'aca-notebook:close-guard';
const STOP = 'stop';
/** A server that does not answer holds no notebook open for longer, in milliseconds. */
const PATIENCE_MS = 3_000;

/** Asks before a notebook or the page is left whose apps cost something. */
export const closeGuardPlugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Asks before a page is left whose apps cost something.',
  autoStart: true,
  requires: [IAca, INotebookTracker],
  optional: [ISettingRegistry],
  activate: (app: JupyterFrontEnd, aca: IAca, tracker: INotebookTracker, settings: ISettingRegistry | null): void => {
    let mode: GuardMode = 'paid';
    void settings?.load(ID).then(
      loaded => {
        const read = (): void => void (mode = readMode(loaded.get('ask').composite));
        loaded.changed.connect(read);
        read();
      },
      () => undefined // without its schema the guard asks where money is spent
    );
    const { model } = aca;
    const guarding: Guarding = {
      model,
      mayAsk: () => mayAsk(model.status, mode),
      decide: async notebook => decideQuestion(model.status, await readTree(model), mode, notebook),
      show: () => void app.commands.execute(CommandIDs.showPanel)
    };
    const guard = (_: unknown, panel: NotebookPanel): void => guardPanel(panel, guarding);
    tracker.forEach(panel => guard(null, panel));
    tracker.widgetAdded.connect(guard);
    window.addEventListener('beforeunload', event => {
      if (decideQuestion(model.status, model.tree, mode, null) !== null) {
        event.preventDefault();
      }
    });
    model.watchStatus();
  }
};

interface Guarding {
  readonly model: Model;
  readonly mayAsk: () => boolean;
  readonly decide: (notebook: Closing) => Promise<Question | null>;
  readonly show: () => void;
}

/** Hold a panel's first request to close, look at what runs, and ask; what is answered decides whether it closes. */
function guardPanel(panel: NotebookPanel, { model, mayAsk, decide, show }: Guarding): void {
  let state: 'open' | 'asking' | 'leaving' = 'open';
  const hold = async (): Promise<void> => {
    state = 'asking';
    try {
      const question = await decide(closing(panel));
      state = question === null || (await ask(question, model, show)) ? 'leaving' : 'open';
      if (state === 'leaving' && !panel.isDisposed) {
        panel.close();
      }
    } finally {
      state = 'open';
    }
  };
  MessageLoop.installMessageHook(panel, (_, message: Message): boolean => {
    if (message.type !== 'close-request' || state === 'leaving' || !(state === 'asking' || mayAsk())) {
      return true;
    }
    if (state === 'open') {
      void hold();
    }
    return false;
  });
}

/** What runs now: nobody may have looked since long ago. Null when nobody can tell, or not soon. */
async function readTree(model: Model): Promise<Tree | null> {
  const late = new Promise<null>(resolve => window.setTimeout(() => resolve(null), PATIENCE_MS));
  return Promise.race([model.client.tree().catch(() => null), late]);
}

/** Whether to close: after stopping what runs, or leaving it. */
async function ask(question: Question, model: Model, show: () => void): Promise<boolean> {
  const answer = await showDialog({
    title: question.billed ? 'This notebook has apps that cost money' : 'This notebook has apps that run',
    body: asked(question, dollars),
    buttons: [
      Dialog.cancelButton({ label: 'Keep it open' }),
      Dialog.warnButton({ label: question.names.length === 1 ? 'Stop it and close' : 'Stop them and close', actions: [STOP] }),
      Dialog.okButton({ label: 'Close, let run' })
    ],
    defaultButton: 0
  });
  if (!answer.button.accept) {
    show();
    return false;
  }
  if (answer.button.actions.includes(STOP)) {
    return stopAll(question.names, model);
  }
  return true;
}

/** Stop each; says which could not be, and keeps the notebook open for that. */
async function stopAll(names: readonly string[], model: Model): Promise<boolean> {
  const outcomes = await Promise.allSettled(names.map(name => model.act(name, { action: 'stop' })));
  const failed = names.filter((_, at) => outcomes[at]?.status === 'rejected');
  if (failed.length > 0) {
    await showDialog({
      title: `${failed.join(', ')} could not be stopped`,
      body: 'The panel says why.',
      buttons: [Dialog.okButton()]
    });
  }
  return failed.length === 0;
}

/** The names of apps are in a notebook's cells, or in the cards that its deployments left. */
function closing(panel: NotebookPanel): Closing {
  const words = panel.content.widgets.flatMap(cell => [
    ...wordsOf(cell.model.sharedModel.getSource()),
    ...(cell instanceof CodeCell ? [keptBy(cell)?.app ?? ''] : [])
  ]);
  return { file: panel.context.path.split('/').at(-1) ?? '', words: new Set(words) };
}

function readMode(value: unknown): GuardMode {
  return value === 'running' || value === 'never' ? value : 'paid';
}
