import { afterEach, expect, test, vi } from 'vitest';

import { questionOf, readBounds } from '../src/panel/questions';
import { rowsOf } from '../src/panel/rows';
import type { Row, View } from '../src/panel/rows';
import { faultOf, selfTestPage } from '../src/panel/selfTest';
import { ROW_HEIGHT, TreeView } from '../src/panel/treeView';
import type { App, Revision, Target, Tree } from '../src/protocol';
import { PROTOCOL } from '../src/protocol';

const TARGET: Target = {
  name: 'local', connection: 'on', choices: ['local', 'azure'], subscription: 's', resourceGroup: 'local',
  environment: 'local', location: 'eastus', charges: false, notice: ''
};

function app(name: string, more: Partial<App> = {}): App {
  return {
    name, environment: 'local', dot: 'ready', state: 'Running', settled: true, replicas: 1, minReplicas: 0,
    maxReplicas: 10, gpu: '', gpus: 0, gpuNote: '', idleNote: '', hourlyUsd: 0.5, url: 'http://127.0.0.1:1', link: '',
    public: false, functions: [], revision: `${name}--0000001`, readyRevision: '', owner: '', notebook: '', cell: '',
    digest: '', expiresAt: null, modifiedAt: null, ...more
  };
}

function treeOf(apps: readonly App[], more: Partial<Tree> = {}): Tree {
  const environments = [{ name: 'local', location: 'eastus', apps }];
  return { target: TARGET, environments, pools: [], agents: [], notes: [], problem: null, ...more };
}

function view(more: Partial<View> = {}): View {
  return { toggled: new Set(), search: '', revisions: () => undefined, ...more };
}

const labels = (rows: readonly Row[]): string[] => rows.map(row => `${' '.repeat(row.level - 1)}${row.label}`);

afterEach(() => document.body.replaceChildren());

test('apps stand below their environment, closed, and environments are open', () => {
  expect(labels(rowsOf(treeOf([app('a'), app('b')]), view()))).toEqual(['local', ' a', ' b']);
});

test('an app that is opened shows its revisions without its own name in front', () => {
  const revision: Revision = {
    name: 'a--v2', active: true, latest: true, trafficPercent: 100, replicas: 1, health: 'Healthy', state: 'Running',
    createdAt: null
  };
  const opened = view({ toggled: new Set(['app/a']), revisions: () => [revision] });
  const rows = rowsOf(treeOf([app('a')]), opened);
  expect(labels(rows)).toEqual(['local', ' a', '  v2']);
  expect(rows[2]?.words).toBe('revision v2, latest, Running, 100 % of requests, 1 replica');
});

test('a search keeps what it finds and the environments that have it', () => {
  const tree = treeOf([app('scorer'), app('embed', { gpu: 'T4' })]);
  expect(labels(rowsOf(tree, view({ search: ' t4 ' })))).toEqual(['local', ' embed']);
  expect(rowsOf(tree, view({ search: 'nothing' }))).toEqual([]);
});

test('what a screen reader says of an app is all that its row shows', () => {
  const [, row] = rowsOf(treeOf([app('s', { gpu: 'T4', gpus: 1, replicas: 2, gpuNote: 'no device' })]), view());
  expect(row?.detail).toBe('2/10 · T4 on CPU · $1.00/h');
  expect(row?.words).toBe('app s, Running, 2 of 10 replicas, T4 on CPU, $0.50 an hour each');
});

test('an environment without apps says how to make one', () => {
  expect(rowsOf(treeOf([]), view())[1]?.label).toContain('%%aca deploy');
});

test('pools and sessions with a GPU have places of their own', () => {
  const session = { identifier: 'mine', pool: 'p', backend: '', gpu: '', isolation: '', createdAt: null, expiresAt: null };
  const pool = {
    name: 'p', containerType: 'PythonLTS', state: '', readySessions: 1, maxSessions: 5, isolation: '', sessions: [session]
  };
  const agents = [{ ...session, identifier: 'big', pool: 'agent', gpu: 'T4' }];
  const rows = rowsOf(treeOf([], { pools: [pool], agents }), view({ search: '' }));
  expect(labels(rows).slice(2)).toEqual(['Session pools', ' p', '  mine', 'Sessions with a GPU', ' big']);
});

function shown(rows: readonly Row[]): { tree: TreeView; did: Record<string, Row[]> } {
  const did: Record<string, Row[]> = { toggle: [], invoke: [], menu: [], press: [] };
  const tree = new TreeView('apps', {
    toggle: row => did.toggle!.push(row),
    invoke: row => did.invoke!.push(row),
    menu: row => did.menu!.push(row),
    press: row => did.press!.push(row)
  });
  Object.defineProperty(tree.node, 'clientHeight', { value: 10 * ROW_HEIGHT });
  document.body.append(tree.node);
  tree.show(rows);
  return { tree, did };
}

const press = (tree: TreeView, key: string, more: KeyboardEventInit = {}): boolean =>
  tree.node.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }));

test('of five hundred apps only those that are seen are drawn, and keys reach the last', () => {
  const rows = rowsOf(treeOf(Array.from({ length: 500 }, (_, index) => app(`app-${index}`))), view());
  const { tree } = shown(rows);
  expect(tree.node.querySelectorAll('[role=treeitem]').length).toBeLessThan(60);
  press(tree, 'End');
  expect(tree.chosen?.label).toBe('app-499');
  const active = document.getElementById(tree.node.getAttribute('aria-activedescendant') ?? '');
  expect(active?.getAttribute('aria-posinset')).toBe('500');
  expect(active?.getAttribute('aria-setsize')).toBe('500');
  press(tree, 'Home');
  expect(tree.chosen?.label).toBe('local');
});

test('arrows open, enter and close as in any tree', () => {
  const { tree, did } = shown(rowsOf(treeOf([app('a'), app('b')]), view()));
  press(tree, 'ArrowDown');
  press(tree, 'ArrowRight');
  expect(did.toggle!.map(row => row.label)).toEqual(['a']);
  press(tree, 'ArrowLeft');
  expect(tree.chosen?.label).toBe('local');
  press(tree, 'b');
  expect(tree.chosen?.label).toBe('b');
  press(tree, 'Enter');
  expect(did.invoke!.map(row => row.label)).toEqual(['b']);
  press(tree, 'F10', { shiftKey: true });
  expect(did.menu!.map(row => row.label)).toEqual(['b']);
});

test('a key that means nothing to the tree is left to the page', () => {
  const { tree } = shown(rowsOf(treeOf([app('a')]), view()));
  expect(press(tree, 'Escape')).toBe(true);
  expect(press(tree, 's', { ctrlKey: true })).toBe(true);
  expect(press(tree, 'ArrowDown')).toBe(false);
});

test('the chosen row stays chosen when others come and go', () => {
  const { tree } = shown(rowsOf(treeOf([app('b')]), view()));
  tree.choose('app/b');
  tree.show(rowsOf(treeOf([app('a'), app('b'), app('c')]), view()));
  expect(tree.chosen?.label).toBe('b');
  tree.show(rowsOf(treeOf([app('c')]), view()));
  expect(tree.chosen?.label).toBe('local');
});

test('what deletes, stops or spends is asked first, and what costs says so', () => {
  const question = questionOf('down', app('a'), null, { ...TARGET, name: 'azure', charges: true });
  expect(question?.title).toBe('Delete a on azure?');
  expect(question?.warn).toBe(true);
  expect(questionOf('stop', app('a'), null, TARGET)?.warn).toBe(true);
  expect(questionOf('start', app('a'), null, { ...TARGET, charges: true })?.body).toContain('$0.50 an hour');
  expect(questionOf('start', app('a'), null, TARGET)?.body).toContain('nobody is billed here');
});

test.each([
  ['0-10', { min: 0, max: 10 }],
  [' 2 ', { min: 2, max: 2 }],
  ['1 to 3', { min: 1, max: 3 }],
  ['3-1', 'the most is 1 to 1000, and no less than the least'],
  ['0', 'the most is 1 to 1000, and no less than the least'],
  ['many', 'write the least and the most, such as 0-10']
])('bounds written as %s', (text, read) => expect(readBounds(text)).toEqual(read));

test('a missing half is a page that says what to run, not a blank one', () => {
  const problem = { message: 'not found', code: '', detail: '', hint: '' };
  const again = vi.fn();
  const page = selfTestPage(faultOf({ kind: 'missing', problem })!, again);
  expect(page.textContent).toContain('jupyter server extension enable aca_notebook');
  page.querySelector('button')?.click();
  expect(again).toHaveBeenCalledOnce();
});

test('halves of different versions are told apart from a missing one', () => {
  const server = { protocol: PROTOCOL + 1, package: '9.9', python: '3.13', problem: null };
  expect(faultOf({ kind: 'different', server })?.words).toContain('aca_notebook 9.9');
  expect(faultOf({ kind: 'whole', server })).toBeNull();
});
