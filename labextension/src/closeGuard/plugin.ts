import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, showDialog } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { Message } from '@lumino/messaging';
import { MessageLoop } from '@lumino/messaging';

import { CommandIDs } from '../commands';
import type { Model } from '../model';
import { dollars } from '../statusBar/summary';
import { IAca } from '../tokens';
import type { GuardMode, Question } from './running';
import { asked, decideQuestion } from './running';

const ID = 'aca-notebook:close-guard';
const STOP = 'stop';

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
    const decide = (notebook: string | null): Question | null =>
      decideQuestion(aca.model.status, aca.model.tree, mode, notebook);
    const guard = (_: unknown, panel: NotebookPanel): void =>
      guardPanel(panel, aca.model, decide, () => void app.commands.execute(CommandIDs.showPanel));
    tracker.forEach(panel => guard(null, panel));
    tracker.widgetAdded.connect(guard);
    window.addEventListener('beforeunload', event => {
      if (decide(null) !== null) {
        event.preventDefault();
      }
    });
    aca.model.watchStatus();
  }
};

/** Hold a panel's first request to close, and ask; what is answered decides whether it closes. */
function guardPanel(
  panel: NotebookPanel,
  model: Model,
  decide: (notebook: string) => Question | null,
  show: () => void
): void {
  let leave = false;
  MessageLoop.installMessageHook(panel, (_, message: Message): boolean => {
    const question = message.type === 'close-request' && !leave ? decide(fileOf(panel)) : null;
    if (question !== null) {
      void ask(question, model, show).then(answer => {
        leave = answer;
        if (answer) {
          panel.close();
          leave = false;
        }
      });
    }
    return question === null;
  });
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

function fileOf(panel: NotebookPanel): string {
  return panel.context.path.split('/').at(-1) ?? '';
}

function readMode(value: unknown): GuardMode {
  return value === 'running' || value === 'never' ? value : 'paid';
}
