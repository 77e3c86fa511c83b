import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import type { Model } from '../model';

/** The side panel: it watches while it is seen. */
export class Panel extends Widget {
  private watching: IDisposable | null = null;

  constructor(private readonly model: Model) {
    super();
    this.id = 'aca-notebook-panel';
    this.title.caption = 'ACA notebook';
    this.title.label = '';
    this.addClass('aca-panel');
    model.changed.connect(this.render);
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.watching ??= this.model.watchTree();
    this.render();
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.watching?.dispose();
    this.watching = null;
  }

  private readonly render = (): void => {
    const apps = this.model.tree?.environments.flatMap(environment => environment.apps) ?? [];
    this.node.replaceChildren(...apps.map(app => document.createTextNode(`${app.name} ${app.state}`)));
  };
}
