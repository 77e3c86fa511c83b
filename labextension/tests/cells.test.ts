import { expect, test } from 'vitest';

import type { Kept, Seen } from '../src/cellToolbar/badge';
import { decideBadge, readKept, shortRevision } from '../src/cellToolbar/badge';
import { fingerprint } from '../src/cellToolbar/fingerprint';
import * as magic from '../src/cellToolbar/magicLine';

const CELL = 'SCALE = 2\n\ndef scoreWell(x: float) -> float:\n    return x * SCALE\n';

test.each([
  ['nothing', '', 'cbf29ce484222325'],
  ['one letter', 'a', 'af63dc4c8601ec8c'],
  ['a word', 'foobar', '85944171f73967e8']
])('a fingerprint is the published function, and the kernel’s: %s', (_, text, digits) => {
  expect(fingerprint(text)).toBe(digits);
});

test('white space at the end is nothing, and anywhere else something', () => {
  expect(fingerprint('x = 1\n\n')).toBe(fingerprint('x = 1'));
  expect(fingerprint(' x = 1')).not.toBe(fingerprint('x = 1'));
});

test('a line of ours is read, and nobody else’s', () => {
  expect(magic.readMagic('\n%%aca deploy scorer --gpu T4\npass')).toEqual({ verb: 'deploy', name: 'scorer', flags: ['--gpu', 'T4'] });
  expect(magic.readMagic("%%aca session --timeout '60 s'")).toEqual({ verb: 'session', name: '', flags: ['--timeout', "'60 s'"] });
  expect(magic.readMagic('%%acacia deploy x')).toBeNull();
  expect(magic.readMagic('%aca ps')).toBeNull();
  expect(magic.otherMagic('\n  %%time\nx')).toBe('%%time');
  expect(magic.otherMagic('%%aca deploy x')).toBe('');
});

test('deploying puts a line on top and leaves the rest of the cell alone', () => {
  const line = magic.deployLine(CELL, { name: 'scorer', gpu: 'T4', planOnly: false });
  expect(line).toBe('%%aca deploy scorer --gpu T4');
  expect(magic.withLine(CELL, line)).toBe(`%%aca deploy scorer --gpu T4\n${CELL}`);
});

test('what stands on the line stays, but for what was chosen anew', () => {
  const cell = '%%aca plan scorer --gpu=A100 --ttl 2h --dry-run\ndef f(): ...';
  const line = magic.deployLine(cell, { name: 'ranker', gpu: '', planOnly: false });
  expect(line).toBe('%%aca deploy ranker --ttl 2h');
  expect(magic.withLine(cell, line)).toBe('%%aca deploy ranker --ttl 2h\ndef f(): ...');
  expect(magic.deployLine(cell, { name: 'ranker', gpu: 'T4', planOnly: true })).toBe('%%aca plan ranker --gpu T4 --ttl 2h');
});

test('a session’s line takes no flags of a deployment, and keeps its own', () => {
  expect(magic.sessionLine('%%aca deploy scorer --gpu T4\nx', 'lab')).toBe('%%aca session lab');
  expect(magic.sessionLine('%%aca session old -i df -o result\nx', '')).toBe('%%aca session -i df -o result');
});

test.each([
  ['its last function', CELL, 'score-well'],
  ['what the line says', `%%aca deploy ranker\n${CELL}`, 'ranker'],
  ['no function', 'x = 1', 'app'],
  ['a name that is too long', `def ${'ab_'.repeat(20)}x(): ...`, 'ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab'],
  ['a class', 'class HTTPModel2:\n    pass', 'httpmodel2']
])('the name suggested is one that Azure takes: %s', (_, cell, name) => {
  expect(magic.suggestName(cell)).toBe(name);
  expect(magic.isAppName(name)).toBe(true);
});

test.each(['a', 'A1', '1a', 'a--b', 'a-', 'ä1', 'x'.repeat(33)])('Azure refuses the name %s', name => {
  expect(magic.isAppName(name)).toBe(false);
});

test('the GPU is read from either way to write it', () => {
  expect(magic.gpuOf('%%aca deploy x --gpu t4\n')).toBe('T4');
  expect(magic.gpuOf('%%aca deploy x --gpu=A100\n')).toBe('A100');
  expect(magic.gpuOf(CELL)).toBe('');
});

test('private names serve nothing', () => {
  expect(magic.definitions('def _a(): ...\nasync def b(): ...\nif x:\n    def c(): ...\nclass D: ...')).toEqual(['b', 'D']);
});

const KEPT: Kept = { app: 'scorer', target: 'local', revision: 'scorer--r1', digest: 'sha256:1', source: 'f1' };
const PRESENT = { revision: 'scorer--r1', digest: 'sha256:1', state: 'Running' };
const seen = (change: object = {}): Seen => ({ target: 'local', apps: new Map([['scorer', { ...PRESENT, ...change }]]) });

test.each([
  ['is what runs', 'f1', seen(), 'live', '✓ scorer · r1'],
  ['was edited', 'f2', seen(), 'drift', '≠ scorer · edited since r1'],
  ['was replaced by other code', 'f1', seen({ digest: 'sha256:2', revision: 'scorer--r2' }), 'drift', '≠ scorer · r2 runs, not r1'],
  ['was deployed again unchanged', 'f1', seen({ revision: 'scorer--r2' }), 'live', '✓ scorer · r2'],
  ['is stopped', 'f1', seen({ state: 'Stopped' }), 'gone', '– scorer · r1 · stopped'],
  ['is gone', 'f1', { target: 'local', apps: new Map() }, 'gone', '– scorer · gone'],
  ['went elsewhere', 'f1', { target: 'azure', apps: new Map() }, 'unknown', '· scorer · r1'],
  ['cannot be compared', 'f1', { target: 'local', apps: null }, 'unknown', '· scorer · r1']
] as const)('the badge of a cell that %s', (_, now, present, tone, text) => {
  const badge = decideBadge(KEPT, now, present);
  expect([badge.tone, badge.text]).toEqual([tone, text]);
  expect(badge.title).toMatch(/[.]$/);
});

test.each([null, 'x', 3, [], { app: 'x' }, { kind: 'app', app: 'x' }, { kind: 'deployment', app: 3 }])(
  'an output that is no deployment’s card has no badge: %j',
  value => {
    expect(readKept(value)).toBeNull();
  }
);

test('a revision is shown by what its name adds to the app’s', () => {
  expect(shortRevision('scorer--0000001')).toBe('0000001');
  expect(shortRevision('')).toBe('');
});
