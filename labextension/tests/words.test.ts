import { expect, test } from 'vitest';

import { amount, describe as described, spanOf, strokes } from '../src/bottomPanel/drawing';
import { clockTime, matches, NOTHING_READ, readOn } from '../src/bottomPanel/lines';
import { asked, decideQuestion, mayAsk, wordsOf } from '../src/closeGuard/running';
import { starterNotebook } from '../src/launcher/starterNotebook';
import type { App, LogLine, Status, Tree } from '../src/protocol';
import { describeLive } from '../src/renderer/live';
import { counted, dollars, summarize } from '../src/statusBar/summary';

const TARGET = {
  name: 'azure', connection: 'on', choices: ['local', 'azure'], subscription: '', resourceGroup: 'research',
  environment: 'gpu-env', location: 'swedencentral', charges: true, notice: ''
} as const;
const STATUS: Status = {
  target: TARGET, apps: 2, replicas: 1, gpus: 1, gpuNote: '', hourlyUsd: 0.53, todayUsd: 0.034, paid: ['scorer'], problem: null
};
const APP: App = {
  name: 'scorer', environment: 'gpu-env', dot: 'ready', state: 'Running', settled: true, replicas: 2, minReplicas: 1,
  maxReplicas: 2, gpu: 'T4', gpus: 1, gpuNote: '', idleNote: '', hourlyUsd: 0.5, url: '', link: '', public: false,
  functions: [], revision: 'scorer--r1', readyRevision: 'scorer--r1', owner: 'me', notebook: 'mine.ipynb', cell: 'In[1]',
  digest: 'sha256:1', expiresAt: null, modifiedAt: null
};
const treeOf = (...apps: App[]): Tree => ({
  target: TARGET, environments: [{ name: 'gpu-env', location: '', apps }], pools: [], agents: [], notes: [], problem: null
});

test('the status bar says target, GPUs, dollars an hour and today', () => {
  expect(summarize(STATUS, null).text).toBe('ACA: azure · 1 GPU · $0.53/h · $0.034 today');
  expect(summarize({ ...STATUS, gpus: 0, todayUsd: null }, null).text).toBe('ACA: azure · no GPU · $0.53/h');
});

test('the status bar claims nothing that nobody knows', () => {
  expect(summarize(null, null).text).toBe('ACA: –');
  expect(summarize({ ...STATUS, target: { ...TARGET, connection: 'off' } }, null).text).toBe('ACA: azure · off');
  const problem = { message: 'the sign-in has expired', code: '', detail: '', hint: '' };
  expect(summarize({ ...STATUS, problem }, null)).toEqual({ text: 'ACA: azure · !', title: 'Target azure: the sign-in has expired' });
  expect(summarize({ ...STATUS, hourlyUsd: null, todayUsd: null }, null).text).not.toContain('$');
});

test('where nobody is billed the tooltip says so', () => {
  expect(summarize({ ...STATUS, target: { ...TARGET, name: 'local', charges: false } }, null).title).toContain('nobody is billed');
});

test.each([[0, '$0'], [1234.5, '$1,234.50'], [0.1, '$0.10'], [0.034, '$0.034'], [0.0000072, '$0.0000072'], [-2, '$-2.00']])(
  'dollars show two digits that say something: %d',
  (amount, text) => {
    expect(dollars(amount)).toBe(text);
  }
);

test('nothing and one are words', () => {
  expect([0, 1, 2].map(count => counted(count, 'GPU'))).toEqual(['no GPU', '1 GPU', '2 GPUs']);
});

const MINE = { file: 'mine.ipynb', words: new Set(wordsOf('%%aca deploy scorer --gpu T4\nranker = unknown')) };

test('closing a notebook is asked about for the paid apps that it deployed', () => {
  const other = { ...APP, name: 'ranker', notebook: 'other.ipynb' };
  const status = { ...STATUS, paid: ['scorer', 'ranker'] };
  const tree = treeOf(APP, other);
  expect(decideQuestion(status, tree, 'paid', MINE)).toEqual({ names: ['scorer'], hourlyUsd: 1, billed: true });
  expect(decideQuestion(status, tree, 'paid', null)?.names).toEqual(['ranker', 'scorer']);
});

test('an app that is not surely the notebook’s is not offered to be stopped', () => {
  const namesake = { ...APP, name: 'theirs' };
  const untagged = { ...APP, name: 'ranker', notebook: '' };
  const status = { ...STATUS, paid: ['theirs', 'ranker', 'unknown'] };
  expect(decideQuestion(status, treeOf(namesake, untagged), 'paid', MINE)).toBeNull();
  expect(decideQuestion(status, null, 'paid', MINE)).toBeNull();
});

test('a notebook closes at once where nothing can be asked', () => {
  expect([mayAsk(STATUS, 'paid'), mayAsk(STATUS, 'running'), mayAsk(STATUS, 'never')]).toEqual([true, true, false]);
  const unpaid = { ...STATUS, paid: [] };
  expect([mayAsk(unpaid, 'paid'), mayAsk(unpaid, 'running'), mayAsk({ ...unpaid, replicas: 0 }, 'running')]).toEqual([false, true, false]);
  expect([mayAsk(null, 'running'), mayAsk({ ...STATUS, target: { ...TARGET, connection: 'off' } }, 'paid')]).toEqual([false, false]);
});

test('nothing is asked where nothing is paid, unless a person wants to know of all that runs', () => {
  const status = { ...STATUS, paid: [] };
  const asleep = { ...APP, name: 'asleep', replicas: 0 };
  expect(decideQuestion(status, treeOf(APP, asleep), 'paid', null)).toBeNull();
  expect(decideQuestion(status, treeOf(APP, asleep), 'running', null)?.names).toEqual(['scorer']);
  expect(decideQuestion(STATUS, treeOf(APP), 'never', null)).toBeNull();
  expect(decideQuestion({ ...STATUS, target: { ...TARGET, connection: 'off' } }, treeOf(APP), 'running', null)).toBeNull();
});

test('the question names what runs on and what it costs', () => {
  expect(asked({ names: ['a'], hourlyUsd: 0.5, billed: true }, dollars)).toBe('a runs on after this is closed, $0.50 an hour.');
  expect(asked({ names: ['a', 'b', 'c', 'd', 'e', 'f', 'g'], hourlyUsd: null, billed: true }, dollars)).toBe('a, b, c, d, e and 2 more run on after this is closed.');
  expect(asked({ names: ['a'], hourlyUsd: 1, billed: false }, dollars)).toContain('nobody is billed');
});

test('a saved card says what its app does now, and nothing of another target’s', () => {
  expect(describeLive('scorer', 'azure', treeOf(APP))).toEqual({ text: 'now: Running · 2 replicas · $1.00/h', there: true });
  expect(describeLive('gone', 'azure', treeOf(APP))?.there).toBe(false);
  expect(describeLive('scorer', 'local', treeOf(APP))).toBeNull();
  expect(describeLive('scorer', 'azure', null)).toBeNull();
});

const line = (text: string): LogLine => ({ text, at: '2026-01-02T03:04:05Z', source: 'console', level: '', revision: '', replica: '', reason: '' });

test('a log keeps so many lines, and counts what it let go', () => {
  const page = { lines: ['1', '2', '3'].map(line), next: 3, missed: 1, begun: false, ended: false, problem: null };
  const read = readOn(readOn(NOTHING_READ, page, 4), { ...page, next: 6, missed: 0, ended: true }, 4);
  expect(read.lines.map(each => each.text)).toEqual(['3', '1', '2', '3']);
  expect([read.next, read.missed, read.ended]).toEqual([6, 3, true]);
});

test('a log that began anew stands for all that was read', () => {
  const page = { lines: ['1', '2'].map(line), next: 2, missed: 3, begun: true, ended: true, problem: null };
  const read = readOn(readOn(NOTHING_READ, { ...page, next: 90, lines: ['old'].map(line) }), { ...page, ended: false });
  expect(read).toEqual({ lines: page.lines, next: 2, missed: 3, ended: false });
});

test('a line is found by its words, whatever the case', () => {
  expect(matches(line('ERROR: no Memory'), 'memory')).toBe(true);
  expect(matches(line('fine'), 'memory')).toBe(false);
  expect([clockTime('2026-01-02T03:04:05.123Z'), clockTime(null)]).toEqual(['03:04:05', '']);
});

test('a series is drawn in steps from zero, with gaps where nobody measured', () => {
  const span = { from: 0, to: 40, bucketMs: 10 };
  expect(strokes([0, 10, 20, 30], [0, 5, null, 10], span, 40, 10)).toEqual(['0.0,10.0 10.0,10.0 10.0,5.0 20.0,5.0', '30.0,0.0 40.0,0.0']);
  expect(strokes([0, 10], [null, null], span, 40, 10)).toEqual([]);
  expect(strokes([-10, 30], [7, 0], span, 40, 10)).toEqual(['30.0,10.0 40.0,10.0']);
});

test('one minute of many stands where it was', () => {
  const span = spanOf({ app: 'a', at: [600_000], series: [], bucketSeconds: 60, note: '' }, 30);
  expect(strokes([600_000], [2], span, 300, 10)).toEqual(['290.0,0.0 300.0,0.0']);
});

test('a series that nobody measured says so', () => {
  const series = { name: 'gpu', label: 'GPU', unit: '%', values: [null, null] };
  expect(described(series)).toBe('GPU: not measured');
  expect(described({ ...series, values: [40, 12.345, null] })).toBe('GPU: 12.3 % last, 40 % at most');
});

test.each([
  [0.00184, 'seconds', '1.84 ms'],
  [0.00016, 'seconds', '160 µs'],
  [0, 'seconds', '0 s'],
  [32_800_000, 'bytes', '31.3 MiB'],
  [775, 'bytes per minute', '775 bytes per minute'],
  [5, 'requests per minute', '5 requests per minute'],
  [0.00001234, '', '0.0000123']
])('an amount is short: %d %s', (value, unit, text) => {
  expect(amount(value, unit)).toBe(text);
});

test('the launcher’s notebook has run nothing', () => {
  const { cells } = starterNotebook() as { cells: { id: string; source: string; outputs?: unknown[]; execution_count?: number | null }[] };
  expect(cells.every(cell => (cell.outputs ?? []).length === 0 && (cell.execution_count ?? null) === null)).toBe(true);
  expect(new Set(cells.map(cell => cell.id)).size).toBe(cells.length);
  expect(cells.some(cell => cell.source.startsWith('%%aca deploy'))).toBe(false);
});
