// Made by `python -m aca_notebook.server.typescript` from aca_notebook/server/protocol.py: edit that instead.

export const PROTOCOL = 1;

/** An error as its three lines: what happened, what the platform said, what to do next. */
export interface Problem {
  readonly message: string;
  readonly code: string;
  readonly detail: string;
  readonly hint: string;
}

/** What the server half is, for the self-test: the other half compares it with itself. */
export interface Halves {
  readonly protocol: number;
  readonly package: string;
  readonly python: string;
  readonly problem: Problem | null;
}

/** Where the panel looks. With `connection` `off` nothing has been asked: looking must not start what spends. */
export interface Target {
  readonly name: string;
  readonly connection: 'off' | 'connecting' | 'on';
  readonly choices: readonly string[];
  readonly subscription: string;
  readonly resourceGroup: string;
  readonly environment: string;
  readonly location: string;
  readonly charges: boolean;
  readonly notice: string;
}

/** Look there; `connect` also starts what is not running on this machine, and signs in. */
export interface TargetChoice {
  readonly name: string;
  readonly connect?: boolean;
}

/**
 * One line for the status bar, and what the guard on closing needs: `paid` are apps that cost something now.
 *
 * `hourlyUsd` is what runs now costs an hour, `todayUsd` since midnight UTC; null while unknown.
 */
export interface Status {
  readonly target: Target;
  readonly apps: number;
  readonly replicas: number;
  readonly gpus: number;
  readonly gpuNote: string;
  readonly hourlyUsd: number | null;
  readonly todayUsd: number | null;
  readonly paid: readonly string[];
  readonly problem: Problem | null;
}

/**
 * One app of the tree. `dot` is the colour, `state` the word beside it; `hourlyUsd` is one replica's hour.
 *
 * `cell`, `notebook` and `digest` say which cell it was deployed from (the revision's tags).
 */
export interface App {
  readonly name: string;
  readonly environment: string;
  readonly dot: 'ready' | 'asleep' | 'busy' | 'stopped' | 'broken';
  readonly state: string;
  readonly settled: boolean;
  readonly replicas: number | null;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly gpu: string;
  readonly gpus: number;
  readonly gpuNote: string;
  readonly idleNote: string;
  readonly hourlyUsd: number | null;
  readonly url: string;
  readonly link: string;
  readonly public: boolean;
  readonly functions: readonly string[];
  readonly revision: string;
  readonly readyRevision: string;
  readonly owner: string;
  readonly notebook: string;
  readonly cell: string;
  readonly digest: string;
  readonly expiresAt: string | null;
  readonly modifiedAt: string | null;
}

/** One revision of an app, newest first in a list. */
export interface Revision {
  readonly name: string;
  readonly active: boolean;
  readonly latest: boolean;
  readonly trafficPercent: number;
  readonly replicas: number;
  readonly health: string;
  readonly state: string;
  readonly createdAt: string | null;
}

/** What an app's node opens to. */
export interface Revisions {
  readonly app: string;
  readonly revisions: readonly Revision[];
}

/** One session that lives. */
export interface Session {
  readonly identifier: string;
  readonly pool: string;
  readonly backend: string;
  readonly gpu: string;
  readonly isolation: string;
  readonly createdAt: string | null;
  readonly expiresAt: string | null;
}

/** One session pool. */
export interface Pool {
  readonly name: string;
  readonly containerType: string;
  readonly state: string;
  readonly readySessions: number;
  readonly maxSessions: number;
  readonly isolation: string;
  readonly sessions: readonly Session[];
}

/** One environment and its apps. */
export interface Environment {
  readonly name: string;
  readonly location: string;
  readonly apps: readonly App[];
}

/** All that the panel shows. An answer has an ETag: what has not changed is not sent again. */
export interface Tree {
  readonly target: Target;
  readonly environments: readonly Environment[];
  readonly pools: readonly Pool[];
  readonly agents: readonly Session[];
  readonly notes: readonly string[];
  readonly problem: Problem | null;
}

/** Do something with an app. The browser asks the person first where it deletes or spends. */
export interface Action {
  readonly action: 'stop' | 'start' | 'restart' | 'scale' | 'down' | 'promote' | 'activate' | 'deactivate' | 'keep';
  readonly revision?: string;
  readonly minReplicas?: number | null;
  readonly maxReplicas?: number | null;
}

/** What came of an action, in a sentence. */
export interface Done {
  readonly message: string;
}

/** Lines of Python that call an app; they hold no key. */
export interface CallingCode {
  readonly code: string;
}

/** Which lines: those from a position on, of a log that begins with its last `tail` lines. */
export interface LogsAsked {
  readonly from?: number | null;
  readonly source?: 'console' | 'system';
  readonly tail?: number;
}

/** How far back. */
export interface MetricsAsked {
  readonly minutes?: number;
}

/** One line of a log. */
export interface LogLine {
  readonly text: string;
  readonly at: string | null;
  readonly source: string;
  readonly level: string;
  readonly revision: string;
  readonly replica: string;
  readonly reason: string;
}

/**
 * Lines from a position on. Ask again from `next`; `missed` came and went in between. `ended` is for good.
 *
 * With `begun` these are the log's last lines, whatever position was asked for: they stand for all that is shown.
 */
export interface LogPage {
  readonly lines: readonly LogLine[];
  readonly next: number;
  readonly begun: boolean;
  readonly missed: number;
  readonly ended: boolean;
  readonly problem: Problem | null;
}

/** One measured quantity; a value a moment, null where nobody measured. */
export interface Series {
  readonly name: string;
  readonly label: string;
  readonly unit: string;
  readonly values: readonly (number | null)[];
}

/** What an app used and answered: `at` are the starts of buckets, in milliseconds since 1970. */
export interface Metrics {
  readonly app: string;
  readonly at: readonly number[];
  readonly series: readonly Series[];
  readonly bucketSeconds: number;
  readonly note: string;
}

/** `here` says that the browser runs on the server's own machine, and reaches what listens there. */
export interface LinkAsked {
  readonly here?: boolean;
}

/** An address on the server's own machine, as a card shows it. */
export interface LinkToAsked {
  readonly address: string;
}

/** Where an app's page is: an address, or a path of this server where only the server can reach the app. */
export interface Link {
  readonly url: string;
}

/** Sends one request below the extension's address; `query` leaves out what is undefined. */
export type Send = (method: string, path: string, query: object, body: object | null) => Promise<unknown>;

/** A method for each route of the server extension. */
export class Client {
  constructor(private readonly send: Send) {}

  /** The self-test's question; asks nobody. */
  async halves(): Promise<Halves> {
    return (await this.send('GET', `halves`, {}, null)) as Halves;
  }

  /** The status bar's line. */
  async status(): Promise<Status> {
    return (await this.send('GET', `status`, {}, null)) as Status;
  }

  /** The panel's tree. */
  async tree(): Promise<Tree> {
    return (await this.send('GET', `tree`, {}, null)) as Tree;
  }

  /** Where the panel looks. */
  async target(): Promise<Target> {
    return (await this.send('GET', `target`, {}, null)) as Target;
  }

  /** Look elsewhere. */
  async chooseTarget(body: TargetChoice): Promise<Target> {
    return (await this.send('PUT', `target`, {}, body)) as Target;
  }

  /** An app's revisions. */
  async revisions(app: string): Promise<Revisions> {
    return (await this.send('GET', `apps/${encodeURIComponent(app)}/revisions`, {}, null)) as Revisions;
  }

  /** Change an app. */
  async act(app: string, body: Action): Promise<Done> {
    return (await this.send('POST', `apps/${encodeURIComponent(app)}/actions`, {}, body)) as Done;
  }

  /** What dragging inserts. */
  async callingCode(app: string): Promise<CallingCode> {
    return (await this.send('GET', `apps/${encodeURIComponent(app)}/code`, {}, null)) as CallingCode;
  }

  /** Lines of an app's log; `source` is `console` or `system`. The server follows while somebody asks. */
  async logs(app: string, query: LogsAsked = {}): Promise<LogPage> {
    return (await this.send('GET', `apps/${encodeURIComponent(app)}/logs`, query, null)) as LogPage;
  }

  /** What an app used and answered in the past minutes. */
  async metrics(app: string, query: MetricsAsked = {}): Promise<Metrics> {
    return (await this.send('GET', `apps/${encodeURIComponent(app)}/metrics`, query, null)) as Metrics;
  }

  /** Where a click on an app leads; good for a minute. */
  async link(app: string, query: LinkAsked = {}): Promise<Link> {
    return (await this.send('GET', `apps/${encodeURIComponent(app)}/link`, query, null)) as Link;
  }

  /** Where a card's link leads that only the server's machine reaches. */
  async linkTo(query: LinkToAsked): Promise<Link> {
    return (await this.send('GET', `link`, query, null)) as Link;
  }

  /** End a session. */
  async endSession(pool: string, session: string): Promise<Done> {
    return (await this.send('DELETE', `pools/${encodeURIComponent(pool)}/sessions/${encodeURIComponent(session)}`, {}, null)) as Done;
  }
}
