import { expect, test } from 'vitest';

import { isLoopback, wantsServer } from '../src/links/addresses';

test.each([
  ['http://127.0.0.1:19346/docs', 'hub.example.org', 'http://127.0.0.1:19346/docs'],
  ['https://localhost:19346', 'hub.example.org', 'https://localhost:19346/'],
  ['http://127.0.0.1:19346/docs', '127.0.0.1', null],
  ['http://127.0.0.1:19346/docs', 'localhost', null],
  ['https://scorer.eastus.azurecontainerapps.io/', 'hub.example.org', null],
  ['https://127.0.0.1.example.org:1/', 'hub.example.org', null],
  ['javascript:alert(1)', 'hub.example.org', null],
  ['not an address', 'hub.example.org', null]
])('a link to %s on a page of %s', (href, host, asked) => expect(wantsServer(href, host)).toBe(asked));

test('only names of this machine are its own', () => {
  expect(['localhost', '127.0.0.1', '127.9.9.9', '[::1]'].every(isLoopback)).toBe(true);
  expect(['127.0.0.1.evil.org', 'localhost.evil.org', ''].some(isLoopback)).toBe(false);
});
