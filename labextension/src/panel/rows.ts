import { dollars } from '../statusBar/summary';
import type { App, Environment, Pool, Revision, Session, Tree } from '../protocol';

/** What a row of the tree stands for; context menus go by it. */
export type Kind = 'environment' | 'app' | 'revision' | 'group' | 'pool' | 'session' | 'note';

/** One line of the tree as it is drawn. `position` and `size` count among its siblings, for screen readers. */
export interface Row {
  readonly id: string;
  readonly kind: Kind;
  readonly level: number;
  readonly label: string;
  /** What stands faint at the right. */
  readonly detail: string;
  /** All of it in words: what a screen reader says and a tooltip shows. */
  readonly words: string;
  readonly dot: App['dot'] | '';
  readonly expandable: boolean;
  readonly expanded: boolean;
  readonly position: number;
  readonly size: number;
  readonly app: App | null;
  readonly revision: Revision | null;
  readonly session: Session | null;
}

/** How a person has the tree: what is open that is closed at first or the other way round, and what is searched for. */
export interface View {
  readonly toggled: ReadonlySet<string>;
  readonly search: string;
  readonly revisions: (app: string) => readonly Revision[] | undefined;
}

interface Node {
  readonly id: string;
  readonly kind: Kind;
  readonly label: string;
  readonly detail?: string;
  readonly words?: string;
  readonly dot?: App['dot'];
  readonly app?: App;
  readonly revision?: Revision;
  readonly session?: Session;
  /** Absent for a leaf; `closed` nodes show theirs when they were toggled. */
  readonly children?: () => readonly Node[];
  readonly closed?: boolean;
}

/** The rows of a tree from top to bottom; those of closed nodes are left out. */
export function rowsOf(tree: Tree, view: View): Row[] {
  const search = view.search.trim().toLowerCase();
  const found: Node[] = tree.environments.flatMap(each => environmentNode(each, view, search));
  const pools = tree.pools.filter(pool => matches(search, pool.name, ...pool.sessions.map(each => each.identifier)));
  if (pools.length > 0) {
    found.push(group('pools', 'Session pools', pools.length, () => pools.map(poolNode)));
  }
  const agents = tree.agents.filter(each => matches(search, each.identifier, each.gpu));
  if (agents.length > 0) {
    found.push(group('agents', 'Sessions with a GPU', agents.length, () => agents.map(sessionNode)));
  }
  return flattened(found, view.toggled, 1);
}

function flattened(nodes: readonly Node[], toggled: ReadonlySet<string>, level: number): Row[] {
  return nodes.flatMap((node, index) => {
    const children = toggled.has(node.id) === (node.closed ?? false) ? node.children : undefined;
    const expanded = children !== undefined;
    const row: Row = {
      id: node.id,
      kind: node.kind,
      level,
      label: node.label,
      detail: node.detail ?? '',
      words: node.words ?? [node.label, node.detail ?? ''].filter(Boolean).join(', '),
      dot: node.dot ?? '',
      expandable: node.children !== undefined,
      expanded,
      position: index + 1,
      size: nodes.length,
      app: node.app ?? null,
      revision: node.revision ?? null,
      session: node.session ?? null
    };
    return children === undefined ? [row] : [row, ...flattened(children(), toggled, level + 1)];
  });
}

function environmentNode(environment: Environment, view: View, search: string): Node[] {
  const apps = environment.apps.filter(app => matches(search, app.name, app.gpu, app.state, app.notebook, app.owner));
  if (search !== '' && apps.length === 0) {
    return [];
  }
  const children = (): Node[] =>
    apps.length > 0
      ? apps.map(app => appNode(app, view))
      : [{ id: `empty/${environment.name}`, kind: 'note', label: 'No apps: start a cell with %%aca deploy NAME' }];
  const count = `${apps.length} ${apps.length === 1 ? 'app' : 'apps'}`;
  return [{ id: `environment/${environment.name}`, kind: 'environment', label: environment.name, detail: count, children }];
}

function appNode(app: App, view: View): Node {
  const id = `app/${app.name}`;
  const children = (): Node[] => {
    const revisions = view.revisions(app.name);
    if (revisions === undefined) {
      return [{ id: `reading/${app.name}`, kind: 'note', label: 'reading its revisions …' }];
    }
    return revisions.map(revision => revisionNode(app, revision));
  };
  return { id, kind: 'app', label: app.name, detail: appDetail(app), words: appWords(app), dot: app.dot, app, children, closed: true };
}

function revisionNode(app: App, revision: Revision): Node {
  const words = [
    revision.latest ? 'latest' : '',
    revision.active ? revision.state : 'inactive',
    revision.health === 'Unhealthy' ? 'unhealthy' : '',
    revision.trafficPercent > 0 ? `${revision.trafficPercent} % of requests` : '',
    revision.replicas > 0 ? plural(revision.replicas, 'replica') : ''
  ].filter(Boolean);
  const label = revision.name.startsWith(`${app.name}--`) ? revision.name.slice(app.name.length + 2) : revision.name;
  return {
    id: `revision/${revision.name}`,
    kind: 'revision',
    label,
    detail: revision.trafficPercent > 0 ? `${revision.trafficPercent} %` : revision.active ? '' : 'inactive',
    words: [`revision ${label}`, ...words].join(', '),
    dot: !revision.active ? 'stopped' : revision.health === 'Unhealthy' ? 'broken' : revision.replicas > 0 ? 'ready' : 'asleep',
    app,
    revision
  };
}

function poolNode(pool: Pool): Node {
  const count = pool.sessions.length;
  return {
    id: `pool/${pool.name}`,
    kind: 'pool',
    label: pool.name,
    detail: `${count} of ${pool.maxSessions}`,
    words: [`session pool ${pool.name}`, pool.containerType, plural(count, 'session'), pool.isolation].filter(Boolean).join(', '),
    children: () => pool.sessions.map(sessionNode)
  };
}

function sessionNode(session: Session): Node {
  return {
    id: `session/${session.pool}/${session.identifier}`,
    kind: 'session',
    label: session.identifier,
    detail: session.gpu,
    words: [`session ${session.identifier}`, session.gpu, session.isolation].filter(Boolean).join(', '),
    session
  };
}

function group(id: string, label: string, count: number, children: () => readonly Node[]): Node {
  return { id: `group/${id}`, kind: 'group', label, detail: String(count), children };
}

function appDetail(app: App): string {
  const running = app.replicas ?? 0;
  const count = app.replicas === null ? '' : `${running}/${app.maxReplicas}`;
  const price = app.hourlyUsd === null || running === 0 ? '' : `${dollars(running * app.hourlyUsd)}/h`;
  return [app.settled && app.dot !== 'broken' ? '' : app.state, count, gpuOf(app), price].filter(Boolean).join(' · ');
}

function appWords(app: App): string {
  return [
    `app ${app.name}`,
    app.state,
    app.replicas === null ? '' : `${app.replicas} of ${plural(app.maxReplicas, 'replica')}`,
    gpuOf(app),
    app.hourlyUsd === null ? '' : `${dollars(app.hourlyUsd)} an hour each`,
    app.idleNote
  ]
    .filter(Boolean)
    .join(', ');
}

function gpuOf(app: App): string {
  return app.gpuNote === '' ? app.gpu : `${app.gpu} on CPU`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function matches(search: string, ...texts: readonly string[]): boolean {
  return search === '' || texts.some(text => text.toLowerCase().includes(search));
}
