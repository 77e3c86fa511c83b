import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { deployIcon } from '../icons';
import type { Model } from '../model';
import type { Problem } from '../protocol';
import { problemOf } from '../request';
import { Header } from './header';
import { rowsOf } from './rows';
import type { Row } from './rows';
import { faultOf, selfTestPage } from './selfTest';
import { TreeView } from './treeView';

/** What the panel leaves to others: what needs dialogs, menus, notebooks. */
export interface PanelGestures {
  readonly invoke: (row: Row) => void;
  readonly menu: (row: Row, x: number, y: number) => void;
  readonly press: (row: Row, event: PointerEvent) => void;
}

/** The side panel. It watches while it is seen, and draws what the model has. */
export class Panel extends Widget {
  readonly tree: TreeView;
  private readonly header: Header;
  private readonly problems = document.createElement('div');
  private readonly notes = document.createElement('div');
  private readonly body = document.createElement('div');
  private readonly toggled = new Set<string>();
  private readonly resized = new ResizeObserver(() => this.tree.draw());
  private search = '';
  private busy = false;
  private failed: Problem | null = null;
  /** The page of a missing half, drawn once: its button keeps the focus while the polls ask on. */
  private faulty: { readonly words: string; readonly page: HTMLElement } | null = null;
  /** Whether somebody came by the keyboard before there was a tree to be in. */
  private entered = false;
  private watching: IDisposable | null = null;

  constructor(
    private readonly model: Model,
    gestures: PanelGestures
  ) {
    super();
    this.id = 'aca-notebook-panel';
    this.title.caption = 'ACA notebook';
    this.title.icon = deployIcon;
    this.addClass('aca-panel');
    this.node.tabIndex = -1;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'ACA notebook');
    this.tree = new TreeView('Apps and sessions', { ...gestures, toggle: row => this.toggle(row) });
    this.header = new Header({
      choose: name => void this.chooseTarget(name, false),
      connect: () => void this.chooseTarget(model.tree?.target.name ?? 'local', true),
      refresh: () => void model.refresh(),
      search: text => {
        this.search = text;
        this.draw();
      }
    });
    this.problems.className = 'aca-panel-problem';
    this.problems.setAttribute('role', 'alert');
    this.notes.className = 'aca-panel-notes';
    this.notes.setAttribute('role', 'status');
    this.body.className = 'aca-panel-body';
    this.node.append(this.body);
    model.changed.connect(this.draw);
  }

  override dispose(): void {
    this.model.changed.disconnect(this.draw);
    this.resized.disconnect();
    super.dispose();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.watching ??= this.model.watchTree();
    this.resized.observe(this.tree.node);
    this.draw();
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.watching?.dispose();
    this.watching = null;
    this.resized.disconnect();
  }

  protected override onBeforeDetach(message: Message): void {
    this.watching?.dispose();
    this.watching = null;
    super.onBeforeDetach(message);
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.entered = !this.tree.node.isConnected;
    (this.entered ? this.node : this.tree.node).focus();
  }

  /** Show that something a person asked for failed, until the next thing they ask for. */
  fail(error: unknown): void {
    this.failed = error === null ? null : problemOf(error);
    this.draw();
  }

  private toggle(row: Row): void {
    if (!this.toggled.delete(row.id)) {
      this.toggled.add(row.id);
    }
    if (row.app !== null && row.kind === 'app') {
      this.follow(row.app.name, !row.expanded);
    }
    this.draw();
  }

  private follow(app: string, opened: boolean): void {
    if (opened) {
      this.model.opened.add(app);
      this.model.readRevisions(app).catch((error: unknown) => this.fail(error));
    } else {
      this.model.opened.delete(app);
    }
  }

  private async chooseTarget(name: string, connect: boolean): Promise<void> {
    this.busy ||= connect;
    this.fail(null);
    try {
      await this.model.chooseTarget(name, connect);
    } catch (error) {
      this.header.forget();
      this.fail(error);
    } finally {
      this.busy &&= !connect;
      this.draw();
    }
  }

  private readonly draw = (): void => {
    const { tree, halves } = this.model;
    const fault = faultOf(halves);
    if (fault !== null) {
      if (this.faulty?.words !== fault.words) {
        this.faulty = { words: fault.words, page: selfTestPage(fault, () => void this.model.refresh()) };
      }
      this.place([this.faulty.page]);
      return;
    }
    this.drawProblem(this.failed ?? this.model.problems.tree ?? tree?.problem ?? null);
    if (tree === null) {
      this.notes.textContent = this.model.problems.tree === null ? 'Looking …' : '';
      this.place([this.problems, this.notes]);
      return;
    }
    const on = tree.target.connection === 'on';
    const connected = on && this.header.connectHasFocus;
    this.header.show(tree.target, this.busy);
    this.notes.replaceChildren(...tree.notes.map(paragraph));
    this.place([this.header.node, this.problems, ...(on ? [this.tree.node, this.notes] : [])]);
    const revisions = (app: string): ReturnType<Model['revisions']> => this.model.revisions(app);
    this.tree.show(on ? rowsOf(tree, { toggled: this.toggled, search: this.search, revisions }) : []);
    if (connected || (on && this.entered && document.activeElement === this.node)) {
      this.entered = false;
      this.tree.node.focus();
    }
  };

  /** Put these in; what stands there already stays, and keeps its focus and its place. */
  private place(nodes: readonly HTMLElement[]): void {
    const present = [...this.body.children];
    if (nodes.length !== present.length || nodes.some((node, index) => node !== present[index])) {
      this.body.replaceChildren(...nodes);
    }
  }

  private drawProblem(problem: Problem | null): void {
    const lines = problem === null ? [] : [problem.message, problem.detail, problem.hint].filter(Boolean);
    const before = [...this.problems.children].map(each => each.textContent);
    if (lines.join('\n') !== before.join('\n')) {
      this.problems.replaceChildren(...lines.map(paragraph));
    }
    this.problems.hidden = lines.length === 0;
  }
}

function paragraph(text: string): HTMLElement {
  const made = document.createElement('p');
  made.textContent = text;
  return made;
}
