import type { IDisposable } from '@lumino/disposable';
import { DisposableDelegate } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { Action, Client, Halves, Problem, Revision, Status, Target, Tree } from './protocol';
import { PROTOCOL } from './protocol';
import { problemOf, RequestFailed } from './request';

/** Whether the server's half is there and speaks our language. */
export type Halved =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'whole'; readonly server: Halves }
  | { readonly kind: 'missing'; readonly problem: Problem }
  | { readonly kind: 'different'; readonly server: Halves };

/** Milliseconds between two looks, while somebody looks and all is well; a failing server is asked ever less often. */
export interface Pace {
  readonly treeMs: number;
  readonly statusMs: number;
  readonly slowestMs: number;
}

export const PACE: Pace = { treeMs: 2_000, statusMs: 10_000, slowestMs: 60_000 };

/** What the model looks at, each at its own pace. */
export type Looked = 'tree' | 'status';

/** An app's revisions, and the app (as text) when they were read; `''` where something was done to it since. */
interface Known {
  readonly app: string;
  readonly revisions: readonly Revision[];
}

/**
 * What the server last said. No DOM in here.
 *
 * Nothing is asked before somebody watches, and nothing while the page is hidden.
 */
export class Model implements IDisposable {
  tree: Tree | null = null;
  status: Status | null = null;
  halves: Halved = { kind: 'unknown' };
  /** Why the last look at each failed; null when it did not. */
  readonly problems: Record<Looked, Problem | null> = { tree: null, status: null };
  /** Apps whose revisions are read again whenever the tree says that they have changed. */
  readonly opened = new Set<string>();

  private readonly _changed = new Signal<this, void>(this);
  private readonly trees: Watched;
  private readonly statuses: Watched;
  private readonly revisionsOf = new Map<string, Known>();
  private disposed = false;

  constructor(
    readonly client: Client,
    pace: Pace = PACE,
    standby: () => boolean = () => typeof document !== 'undefined' && document.hidden
  ) {
    this.trees = new Watched('aca-notebook:tree', () => this.readTree(), pace.treeMs, pace.slowestMs, standby);
    this.statuses = new Watched('aca-notebook:status', () => this.readStatus(), pace.statusMs, pace.slowestMs, standby);
  }

  /** Emitted after anything above has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  /** Keep the tree up to date until the answer is disposed of. */
  watchTree(): IDisposable {
    return this.trees.watch();
  }

  /** Keep the status up to date until the answer is disposed of. */
  watchStatus(): IDisposable {
    return this.statuses.watch();
  }

  /** Look at everything that is watched now, without waiting for the next turn. */
  async refresh(): Promise<void> {
    await Promise.all([this.trees.now(), this.statuses.now()]);
  }

  /** Look elsewhere; only `connect` starts what is not running, and signs in. Rejects with `RequestFailed`. */
  async chooseTarget(name: string, connect: boolean): Promise<Target> {
    const target = await this.client.chooseTarget({ name, connect });
    this.revisionsOf.clear();
    await this.refresh();
    return target;
  }

  /** Do something with an app and look at what came of it; rejects with `RequestFailed`. */
  async act(app: string, action: Action): Promise<string> {
    try {
      return (await this.client.act(app, action)).message;
    } finally {
      const known = this.revisionsOf.get(app);
      if (known !== undefined) {
        this.revisionsOf.set(app, { ...known, app: '' });
      }
      await this.refresh();
    }
  }

  /** An app's revisions as last read; undefined before `readRevisions`. */
  revisions(app: string): readonly Revision[] | undefined {
    return this.revisionsOf.get(app)?.revisions;
  }

  /** Read an app's revisions; rejects with `RequestFailed`. */
  async readRevisions(app: string): Promise<readonly Revision[]> {
    const now = appsOf(this.tree).get(app) ?? '';
    const { revisions } = await this.client.revisions(app);
    this.revisionsOf.set(app, { app: now, revisions });
    this._changed.emit();
    return revisions;
  }

  dispose(): void {
    this.disposed = true;
    this.trees.dispose();
    this.statuses.dispose();
    Signal.clearData(this);
  }

  /** Ask whether the other half is there; returns whether it is. */
  async test(): Promise<boolean> {
    try {
      const server = await this.client.halves();
      const same = server.protocol === PROTOCOL;
      this.halves = { kind: same ? 'whole' : 'different', server };
    } catch (error) {
      const absent = error instanceof RequestFailed && error.status === 404;
      this.halves = absent ? { kind: 'missing', problem: problemOf(error) } : { kind: 'unknown' };
      if (!absent) {
        throw error;
      }
    } finally {
      this._changed.emit();
    }
    return this.halves.kind === 'whole';
  }

  private async readTree(): Promise<void> {
    await this.look('tree', async () => {
      const tree = await this.client.tree();
      const changed = tree !== this.tree;
      this.tree = tree;
      if (changed) {
        void this.statuses.now(); // what runs costs: the status bar must not say otherwise for ten seconds
        this._changed.emit();
      }
      await this.readOpened(tree);
    });
  }

  /** Read the revisions of opened apps that have changed since, or have never been read. */
  private async readOpened(tree: Tree): Promise<void> {
    const stale = [...appsOf(tree, this.opened)].filter(([name, app]) => this.revisionsOf.get(name)?.app !== app);
    await Promise.all(stale.map(([name]) => this.readRevisions(name)));
  }

  private async readStatus(): Promise<void> {
    await this.look('status', async () => {
      const status = await this.client.status();
      const changed = status !== this.status;
      this.status = status;
      if (changed) {
        this._changed.emit();
      }
    });
  }

  /** One look; a failure is kept for whoever shows it, and passed on so that the next look waits longer. */
  private async look(at: Looked, read: () => Promise<void>): Promise<void> {
    const before = this.problems[at];
    try {
      if (this.halves.kind !== 'whole' && !(await this.test())) {
        throw new RequestFailed(halfMissing(this.halves), 0);
      }
      await read();
      this.problems[at] = null;
    } catch (error) {
      this.problems[at] = problemOf(error);
      throw error;
    } finally {
      if (before?.message !== this.problems[at]?.message) {
        this._changed.emit();
      }
    }
  }
}

/** Each app of a tree as text, by its name; of those `among` where that is said. */
function appsOf(tree: Tree | null, among?: ReadonlySet<string>): Map<string, string> {
  const apps = tree?.environments.flatMap(each => each.apps) ?? [];
  return new Map(apps.filter(app => among?.has(app.name) ?? true).map(app => [app.name, JSON.stringify(app)]));
}

function halfMissing(halves: Halved): Problem {
  const message = halves.kind === 'different' ? 'the two halves are of different versions' : 'the server’s half is missing';
  return { message, code: '', detail: '', hint: 'the panel says what to run' };
}

/** A poll that runs while somebody watches. */
class Watched implements IDisposable {
  isDisposed = false;
  private readonly poll: Poll;
  private watchers = 0;

  constructor(name: string, look: () => Promise<void>, interval: number, max: number, standby: () => boolean) {
    this.poll = new Poll({
      name,
      auto: false,
      factory: look,
      frequency: { interval, max, backoff: true },
      standby: () => this.watchers === 0 || standby()
    });
  }

  watch(): IDisposable {
    this.watchers += 1;
    if (this.watchers === 1) {
      void this.poll.start();
      void this.poll.refresh();
    }
    return new DisposableDelegate(() => {
      this.watchers -= 1;
      if (this.watchers === 0 && !this.isDisposed) {
        void this.poll.stop();
      }
    });
  }

  /** Look now, if anybody watches; a failure is in the model, not here. */
  async now(): Promise<void> {
    if (this.watchers > 0 && !this.isDisposed) {
      await this.poll.refresh();
      await this.poll.tick.catch(() => undefined);
    }
  }

  dispose(): void {
    this.isDisposed = true;
    this.poll.dispose();
  }
}
