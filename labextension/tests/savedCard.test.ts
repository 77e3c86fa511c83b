import { Widget } from '@lumino/widgets';
import { afterEach, expect, test } from 'vitest';

import { Model } from '../src/model';
import { Client } from '../src/protocol';
import type { Tree } from '../src/protocol';
import { MIME } from '../src/renderer/kept';
import { SavedCard } from '../src/renderer/savedCard';

const TARGET = {
  name: 'local', connection: 'on', choices: ['local'], subscription: '', resourceGroup: '', environment: '', location: '',
  charges: false, notice: ''
} as const;
const NOTHING = { target: TARGET, environments: [], pools: [], agents: [], notes: [], problem: null } satisfies Tree;
const models: Model[] = [];

/** A card in the page, of a model that never asks anybody. */
async function shown(tree: Tree | null, kept: unknown, asked: string[] = []): Promise<HTMLElement> {
  const model = new Model(new Client(() => new Promise(() => undefined)), undefined, () => true);
  models.push(model);
  model.tree = tree;
  const note = (what: string) => (app: string) => void asked.push(`${what} ${app}`);
  const card = new SavedCard(null, model, { open: note('open'), logs: note('logs'), metrics: note('metrics') });
  Widget.attach(card, document.body);
  await card.renderModel({ data: { [MIME]: kept as never }, metadata: {}, trusted: false, setData: () => undefined });
  return card.node.querySelector<HTMLElement>('.aca-live')!;
}

afterEach(() => {
  models.splice(0).forEach(model => model.dispose());
  document.body.replaceChildren();
});

test('a card says nothing of the present while nobody can tell', async () => {
  const line = await shown(null, { kind: 'deployment', app: 'scorer', target: 'local' });
  expect(line.classList.contains('lm-mod-hidden')).toBe(true);
});

test('an app that is gone has nothing to open', async () => {
  const line = await shown(NOTHING, { kind: 'app', app: 'scorer', target: 'local' });
  expect(line.textContent).toContain('gone; no app scorer on the target local');
  expect(line.querySelector<HTMLElement>('span:last-child')?.hidden).toBe(true);
});

test.each([null, 'x', 3, { app: 3 }, {}])('what is no card of ours is left alone: %j', async kept => {
  const line = await shown(NOTHING, kept);
  expect(line.classList.contains('lm-mod-hidden')).toBe(true);
});

test('markup in a saved name is text', async () => {
  const line = await shown(NOTHING, { kind: 'app', app: '<img src=x onerror=alert(1)>', target: 'local' });
  expect(line.querySelector('img')).toBeNull();
});
