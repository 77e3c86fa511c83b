import { ServerConnection } from '@jupyterlab/services';
import { expect, test } from 'vitest';

import { RequestFailed, sender } from '../src/request';

/** A sender to a server that answers with `answer`; what it was asked is kept, as tag and address. */
function senderTo(answer: (request: Request) => Response): [ReturnType<typeof sender>, string[]] {
  const asked: string[] = [];
  const fetch = (request: Request): Promise<Response> => {
    asked.push(`${request.headers.get('If-None-Match') ?? '-'} ${request.url.split('/aca-notebook/')[1]}`);
    return Promise.resolve(answer(request));
  };
  const settings = ServerConnection.makeSettings({ baseUrl: 'http://here.invalid/', fetch: fetch as typeof globalThis.fetch });
  return [sender(settings), asked];
}

const tagged = (request: Request): Response =>
  request.headers.has('If-None-Match')
    ? new Response(null, { status: 304 })
    : new Response('{"lines": []}', { headers: { ETag: '"1"' } });

test('an answer that has not changed is the same object', async () => {
  const [send] = senderTo(tagged);
  expect(await send('GET', 'tree', {}, null)).toBe(await send('GET', 'tree', {}, null));
});

test('of a path only the last answer is kept, and none of a log', async () => {
  const [send, asked] = senderTo(tagged);
  for (const minutes of [30, 120, 30, 30]) {
    await send('GET', 'apps/a/metrics', { minutes }, null);
  }
  await send('GET', 'apps/a/logs', { from: 1 }, null);
  await send('GET', 'apps/a/logs', { from: 1 }, null);
  expect(asked.map(each => each.split(' ')[0])).toEqual(['-', '-', '-', '"1"', '-', '-']);
});

test('a page that is no answer of ours is a failure, whatever its status', async () => {
  const [send] = senderTo(() => new Response('<html>sign in</html>', { headers: { 'Content-Type': 'text/html' } }));
  const failure = await send('GET', 'tree', {}, null).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(RequestFailed);
  expect((failure as RequestFailed).problem).toMatchObject({ code: 'StrangeAnswer', detail: 'expected JSON, got text/html' });
});
