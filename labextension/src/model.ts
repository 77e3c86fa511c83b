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

/**
 * What the server last said. No DOM in here.
 *
 * Nothing is asked before somebody watches, and nothing while the page is hidden.
 */
export class Model implements IDisposable {
  tree: Tree | null = null;
  status: Status | null = null;
  halves: Halved = { kind: 'unknown' };
  /** Why the last look failed; null when it did not. */
  problem: Problem | null = null;

  private readonly _changed = new Signal<this, void>(this);
  private readonly trees: Watched;
  private readonly statuses: Watched;
  private readonly revisionsOf = new Map<string, readonly Revision[]>();
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

  /** Look elsewhere; rejects with `RequestFailed`. */
  async chooseTarget(name: string): Promise<Target> {
    const target = await this.client.chooseTarget({ name });
    this.revisionsOf.clear();
    await this.refresh();
    return target;
  }

  /** Do something with an app and look at what came of it; rejects with `RequestFailed`. */
  async act(app: string, action: Action): Promise<string> {
    try {
      return (await this.client.act(app, action)).message;
    } finally {
      this.revisionsOf.delete(app);
      await this.refresh();
    }
  }

  /** An app's revisions as last read; undefined before `readRevisions`. */
  revisions(app: string): readonly Revision[] | undefined {
    return this.revisionsOf.get(app);
  }

  /** Read an app's revisions; rejects with `RequestFailed`. */
  async readRevisions(app: string): Promise<readonly Revision[]> {
    const found = (await this.client.revisions(app)).revisions;
    this.revisionsOf.set(app, found);
    this._changed.emit();
    return found;
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
    await this.look(async () => {
      const tree = await this.client.tree();
      const changed = tree !== this.tree;
      this.tree = tree;
      if (changed) {
        void this.statuses.now(); // what runs costs: the status bar must not say otherwise for ten seconds
      }
      return changed;
    });
  }

  private async readStatus(): Promise<void> {
    await this.look(async () => {
      const status = await this.client.status();
      const changed = status !== this.status;
      this.status = status;
      return changed;
    });
  }

  /** One look; a failure is kept for whoever shows it, and passed on so that the next look waits longer. */
  private async look(read: () => Promise<boolean>): Promise<void> {
    if (this.halves.kind !== 'whole' && !(await this.tested())) {
      return;
    }
    const before = this.problem;
    let changed = false;
    try {
      changed = await read();
      this.problem = null;
    } catch (error) {
      this.problem = problemOf(error);
      throw error;
    } finally {
      if (!this.disposed && (changed || before?.message !== this.problem?.message)) {
        this._changed.emit();
      }
    }
  }

  private async tested(): Promise<boolean> {
    try {
      return await this.test();
    } catch (error) {
      this.problem = problemOf(error);
      this._changed.emit();
      throw error;
    }
  }
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
