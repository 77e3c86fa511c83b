import { Widget } from '@lumino/widgets';
import { afterEach, expect, test } from 'vitest';

import { Model } from '../src/model';
import { Panel } from '../src/panel/panel';
import { Client, PROTOCOL } from '../src/protocol';
import { RequestFailed } from '../src/request';

const TARGET = {
  name: 'local', connection: 'off', choices: ['local', 'azure'], subscription: '', resourceGroup: '', environment: '',
  location: '', charges: false, notice: ''
};
const HALVES = { protocol: PROTOCOL, package: '0.1.0', python: '3.11', problem: null };
const made: (Panel | Model)[] = [];

afterEach(() => made.splice(0).forEach(each => each.dispose()));

/** A panel that is seen, of a server that connects once `connect` is called; what was chosen is kept. */
function panelOf(halves: () => unknown = () => HALVES): { node: HTMLElement; model: Model; chosen: object[]; connect: () => void } {
  const chosen: object[] = [];
  let target = TARGET;
  let connect = (): void => undefined;
  const client = new Client(async (method, path, _query, body) => {
    if (method === 'PUT' && body !== null) {
      chosen.push(body);
      const { name, connect: wanted } = body as { name: string; connect: boolean };
      if (wanted) {
        await new Promise<void>(resolve => (connect = resolve));
      }
      target = { ...TARGET, name, connection: wanted ? 'on' : 'off' };
    }
    const tree = { target, environments: [], pools: [], agents: [], notes: [], problem: null };
    return { halves: path === 'halves' ? halves() : null, tree, target, status: { target } }[path];
  });
  const model = new Model(client, { treeMs: 5, statusMs: 5, slowestMs: 20 }, () => false);
  const panel = new Panel(model, { invoke: () => undefined, menu: () => undefined, press: () => undefined });
  made.push(panel, model);
  panel.hide();
  Widget.attach(panel, document.body);
  panel.show();
  return { node: panel.node, model, chosen, connect: () => connect() };
}

/** Resolves once `done` holds after a change of the model. */
function until(model: Model, done: () => boolean): Promise<void> {
  return new Promise(resolve => {
    const look = (): void => {
      if (done()) {
        model.changed.disconnect(look);
        resolve();
      }
    };
    model.changed.connect(look);
    look();
  });
}

test('choosing in the list connects to nothing; the button does, and hands its focus to the tree', async () => {
  const { node, model, chosen, connect } = panelOf();
  await until(model, () => node.querySelector('select') !== null);
  const list = node.querySelector('select')!;
  list.value = 'azure';
  list.dispatchEvent(new Event('change'));
  await until(model, () => model.tree?.target.name === 'azure');
  expect(chosen).toEqual([{ name: 'azure', connect: false }]);

  const button = node.querySelector<HTMLButtonElement>('.aca-primary')!;
  button.focus();
  button.click();
  expect(button.getAttribute('aria-disabled')).toBe('true');
  button.click();
  expect(document.activeElement).toBe(button);
  expect(chosen.slice(1)).toEqual([{ name: 'azure', connect: true }]);
  connect();
  await until(model, () => model.tree?.target.connection === 'on');
  expect(document.activeElement).toBe(node.querySelector('[role=tree]'));
});

test('the page of a missing half stays as it is while it is asked for again, and so does the focus', async () => {
  let asked = 0;
  const { node, model } = panelOf(() => {
    asked += 1;
    throw new RequestFailed({ message: 'not found', code: '', detail: '', hint: '' }, 404);
  });
  await until(model, () => node.querySelector('.aca-self-test button') !== null);
  const button = node.querySelector<HTMLButtonElement>('.aca-self-test button')!;
  button.focus();
  const before = asked;
  await until(model, () => asked > before + 1);
  expect(document.activeElement).toBe(button);
});
