import { CodeCell } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Debouncer } from '@lumino/polling';
import { PanelLayout, Widget } from '@lumino/widgets';

import type { Model } from '../model';
import { MIME } from '../renderer/kept';
import type { Badge, Kept, Present, Seen } from './badge';
import { decideBadge, readKept } from './badge';
import { fingerprint } from './fingerprint';

const SOON_MS = 150;

/** The badges of one notebook: they watch what runs for as long as a cell has one. */
export class Badges implements IDisposable {
  isDisposed = false;
  private readonly shown = new Map<CodeCell, BadgeView>();
  private readonly later = new Debouncer(() => this.update(), SOON_MS);
  private watching: IDisposable | null = null;

  constructor(
    private readonly panel: NotebookPanel,
    private readonly model: Model
  ) {
    panel.content.modelContentChanged.connect(this.soon);
    panel.content.modelChanged.connect(this.soon);
    model.changed.connect(this.soon);
    panel.disposed.connect(() => this.dispose());
    void panel.context.ready.then(this.soon);
  }

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this.isDisposed = true;
    this.model.changed.disconnect(this.soon);
    this.later.dispose();
    this.watching?.dispose();
    this.shown.forEach(view => view.dispose());
    this.shown.clear();
  }

  private readonly soon = (): void => {
    if (!this.isDisposed) {
      void this.later.invoke().catch(() => undefined); // disposed of meanwhile
    }
  };

  private update(): void {
    if (this.isDisposed || this.panel.content.isDisposed) {
      return;
    }
    const seen = seenBy(this.model);
    const wanted = new Map<CodeCell, Badge>();
    for (const cell of this.panel.content.widgets) {
      const kept = cell instanceof CodeCell ? keptBy(cell) : null;
      if (kept !== null) {
        wanted.set(cell as CodeCell, decideBadge(kept, fingerprint(cell.model.sharedModel.getSource()), seen));
      }
    }
    for (const [cell, view] of this.shown) {
      if (!wanted.has(cell) || cell.isDisposed) {
        view.dispose();
        this.shown.delete(cell);
      }
    }
    wanted.forEach((badge, cell) => this.show(cell, badge));
    if (wanted.size > 0) {
      this.watching ??= this.model.watchTree();
    } else {
      this.watching?.dispose();
      this.watching = null;
    }
  }

  private show(cell: CodeCell, badge: Badge): void {
    let view = this.shown.get(cell);
    if (view === undefined) {
      view = new BadgeView();
      this.shown.set(cell, view);
      const placed = view;
      void cell.ready.then(() => place(cell, placed));
    }
    view.draw(badge);
  }
}

/** One line under a cell's source. */
class BadgeView extends Widget {
  constructor() {
    super();
    this.addClass('aca-badge');
    this.node.setAttribute('role', 'note');
  }

  draw(badge: Badge): void {
    this.node.dataset.tone = badge.tone;
    this.node.textContent = badge.text;
    this.node.title = badge.title;
    this.node.setAttribute('aria-label', `${badge.text}. ${badge.title}`);
  }
}

/** Between a cell's source and its outputs. */
function place(cell: CodeCell, view: BadgeView): void {
  if (cell.isDisposed || view.isDisposed || !(cell.layout instanceof PanelLayout)) {
    return;
  }
  const at = cell.layout.widgets.findIndex(each => each.hasClass('jp-Cell-inputWrapper'));
  cell.layout.insertWidget(at + 1, view);
}

/** The last deployment that a cell's outputs keep. */
export function keptBy(cell: CodeCell): Kept | null {
  const { outputs } = cell.model;
  for (let at = outputs.length - 1; at >= 0; at -= 1) {
    const kept = readKept(outputs.get(at).data[MIME]);
    if (kept !== null) {
      return kept;
    }
  }
  return null;
}

/** What the server last said runs; null while nobody has asked it. */
function seenBy(model: Model): Seen {
  const { tree } = model;
  if (tree?.target.connection !== 'on' || tree.problem !== null) {
    return { target: tree?.target.name ?? '', apps: null };
  }
  const apps = new Map<string, Present>();
  for (const app of tree.environments.flatMap(each => each.apps)) {
    apps.set(app.name, { revision: app.revision, digest: app.digest, state: app.dot === 'stopped' ? 'Stopped' : app.state });
  }
  return { target: tree.target.name, apps };
}
