import type { IRenderMime } from '@jupyterlab/rendermime';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';

import type { Model } from '../model';
import { MIME } from './kept';
import { describeLive } from './live';

/** What a card's buttons do. */
export interface Acts {
  open: (app: string) => void;
  logs: (app: string) => void;
  metrics: (app: string) => void;
}

/** A card as its HTML shows it, and below it what its app does now. */
export class SavedCard extends Panel implements IRenderMime.IRenderer {
  private readonly line: LiveLine;

  constructor(
    private readonly html: IRenderMime.IRenderer | null,
    model: Model,
    acts: Acts
  ) {
    super();
    this.addClass('aca-card');
    this.line = new LiveLine(model, acts);
    if (html !== null) {
      this.addWidget(html);
    }
    this.addWidget(this.line);
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.line.isAbout(model.data[MIME]);
    await this.html?.renderModel(model);
  }
}

class LiveLine extends Widget {
  private readonly words = document.createElement('span');
  private readonly buttons = document.createElement('span');
  private app = '';
  private target = '';
  private watching: IDisposable | null = null;

  constructor(
    private readonly model: Model,
    acts: Acts
  ) {
    super();
    this.addClass('aca-live');
    this.words.setAttribute('role', 'status');
    this.buttons.append(
      this.button('Open', 'Open the app', acts.open),
      this.button('Logs', 'Follow its log below', acts.logs),
      this.button('Metrics', 'Show requests and use below', acts.metrics)
    );
    this.node.append(this.words, this.buttons);
    this.hide();
  }

  isAbout(kept: unknown): void {
    const members = typeof kept === 'object' && kept !== null ? (kept as Record<string, unknown>) : {};
    this.app = typeof members.app === 'string' ? members.app : '';
    this.target = typeof members.target === 'string' ? members.target : '';
    this.draw();
  }

  override dispose(): void {
    this.stop();
    super.dispose();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.watching ??= this.model.watchTree();
    this.model.changed.connect(this.draw);
    this.draw();
  }

  protected override onBeforeDetach(message: Message): void {
    this.stop();
    super.onBeforeDetach(message);
  }

  private stop(): void {
    this.model.changed.disconnect(this.draw);
    this.watching?.dispose();
    this.watching = null;
  }

  private readonly draw = (): void => {
    const live = this.app === '' ? null : describeLive(this.app, this.target, this.model.tree);
    this.setHidden(live === null);
    if (live !== null && this.words.textContent !== live.text) {
      this.words.textContent = live.text;
    }
    this.buttons.hidden = live?.there !== true;
  };

  private button(text: string, title: string, act: (app: string) => void): HTMLButtonElement {
    const made = document.createElement('button');
    made.type = 'button';
    made.textContent = text;
    made.title = title;
    made.addEventListener('click', () => act(this.app));
    return made;
  }
}
