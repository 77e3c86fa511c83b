import { afterEach, expect, test } from 'vitest';

import { Model } from '../src/model';
import { Client, PROTOCOL } from '../src/protocol';
import { RequestFailed } from '../src/request';

const PACE = { treeMs: 5, statusMs: 5, slowestMs: 20 };
const HALVES = { protocol: PROTOCOL, package: '0.1.0', python: '3.11', problem: null };
const made: Model[] = [];

/** A model of a server that answers with what `answers` holds by path; what it was asked is kept. */
function modelOf(answers: Record<string, () => unknown>, hidden: () => boolean = () => false): [Model, string[]] {
  const asked: string[] = [];
  const client = new Client((method, path) => {
    asked.push(`${method} ${path}`);
    const answer = answers[path];
    return answer ? Promise.resolve().then(answer) : Promise.reject(missing());
  });
  const model = new Model(client, PACE, hidden);
  made.push(model);
  return [model, asked];
}

function missing(): RequestFailed {
  return new RequestFailed({ message: 'not found', code: '', detail: '', hint: '' }, 404);
}

/** The next change after which `done` holds. */
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

afterEach(() => made.splice(0).forEach(model => model.dispose()));

test('nothing is asked before somebody watches', async () => {
  const [model, asked] = modelOf({ halves: () => HALVES, tree: () => ({ environments: [] }) });
  await model.refresh();
  expect(asked).toEqual([]);
  model.watchTree();
  await until(model, () => model.tree !== null);
  expect(asked.slice(0, 2)).toEqual(['GET halves', 'GET tree']);
});

test('a server without our half is told apart from one that fails', async () => {
  const [model] = modelOf({});
  model.watchTree();
  await until(model, () => model.problems.tree !== null); // a look that failed: the next one waits longer
  expect(model.halves.kind).toBe('missing');
  expect(model.tree).toBeNull();
});

test('a half of another protocol is named, and its answers are not read', async () => {
  const [model, asked] = modelOf({ halves: () => ({ ...HALVES, protocol: PROTOCOL + 1 }), tree: () => ({}) });
  model.watchTree();
  await until(model, () => model.halves.kind === 'different');
  expect(asked).not.toContain('GET tree');
});

test('a failure is shown until the next answer', async () => {
  let fails = true;
  const [model] = modelOf({
    halves: () => HALVES,
    tree: () => {
      if (fails) {
        throw new RequestFailed({ message: 'no answer', code: 'X', detail: '', hint: '' }, 502);
      }
      return { environments: [] };
    }
  });
  model.watchTree();
  await until(model, () => model.problems.tree !== null);
  expect(model.problems.tree?.message).toBe('no answer');
  fails = false;
  await until(model, () => model.problems.tree === null);
  expect(model.tree).not.toBeNull();
});

test('a status that was read hides no tree that was not', async () => {
  let read = 0;
  const [model] = modelOf({
    halves: () => HALVES,
    tree: () => {
      throw new RequestFailed({ message: 'no answer', code: 'X', detail: '', hint: '' }, 502);
    },
    status: () => ({ read: (read += 1) })
  });
  model.watchTree();
  await until(model, () => model.problems.tree !== null);
  model.watchStatus();
  await until(model, () => read > 1 && model.status !== null);
  expect(model.problems).toMatchObject({ tree: { message: 'no answer' }, status: null });
});

test('the revisions of an opened app are read again when it changes, and after something was done to it', async () => {
  let app = { name: 'scorer', replicas: 0 };
  let tree = { environments: [{ apps: [app] }] };
  let read = 0;
  const [model, asked] = modelOf({
    halves: () => HALVES,
    tree: () => tree,
    'apps/scorer/revisions': () => ({ revisions: [{ name: `read ${(read += 1)}` }] }),
    'apps/scorer/actions': () => ({ message: 'done' })
  });
  const shown = (): string | undefined => model.revisions('scorer')?.[0]?.name;
  model.opened.add('scorer');
  model.watchTree();
  await until(model, () => shown() === 'read 1');
  app = { ...app, replicas: 2 };
  tree = { environments: [{ apps: [app] }] };
  await until(model, () => shown() === 'read 2');
  const seen: (string | undefined)[] = [];
  model.changed.connect(() => seen.push(shown()));
  await model.act('scorer', { action: 'promote' });
  await until(model, () => shown() === 'read 3');
  expect(seen).not.toContain(undefined);
  expect(asked.filter(each => each.endsWith('/revisions'))).toHaveLength(3);
});
