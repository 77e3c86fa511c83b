import { Notification } from '@jupyterlab/apputils';
import { afterEach, expect, test, vi } from 'vitest';

import { isLoopback, ownMachine, wantsServer } from '../src/links/addresses';
import { openLater } from '../src/links/opening';

const BASE = 'http://hub.invalid/user/me/';

afterEach(() => vi.restoreAllMocks());

/** A browser's new tab, as far as anybody here looks at it. */
function tab(close: () => void = () => undefined): Window {
  const opened = { opener: window, location: { href: '' }, close } as unknown as Window;
  vi.spyOn(window, 'open').mockReturnValue(opened);
  return opened;
}

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

test('an app’s page may be on the machine that names it, or anywhere', () => {
  expect(ownMachine('http://127.0.0.1:19346')).toBe('http://127.0.0.1:19346/');
  expect(ownMachine('https://scorer.eastus.azurecontainerapps.io')).toBeNull();
});

test('a link is led where the server says, below its own address', async () => {
  const opened = tab();
  await openLater(BASE, () => Promise.resolve('aca-notebook/pages/1/'));
  expect(opened.location.href).toBe(`${BASE}aca-notebook/pages/1/`);
  expect(opened.opener).toBeNull();
});

test('another tool’s link, of which the server knows nothing, leads where it says itself', async () => {
  const opened = tab();
  await openLater(BASE, () => Promise.reject(new Error('no app answers there')), 'http://127.0.0.1:8787/status');
  expect(opened.location.href).toBe('http://127.0.0.1:8787/status');
});

test('a link of ours that leads nowhere says so, and leaves no empty tab', async () => {
  const close = vi.fn();
  tab(close);
  const said = vi.spyOn(Notification, 'error').mockReturnValue('');
  await openLater(BASE, () => Promise.reject(new Error('no app answers there')));
  expect(close).toHaveBeenCalledOnce();
  expect(said.mock.calls[0]?.[0]).toContain('no app answers there');
});

test('a tab that the browser holds back is said to be, with a button that opens it', async () => {
  const open = vi.spyOn(window, 'open').mockReturnValue(null);
  const said = vi.spyOn(Notification, 'warning').mockReturnValue('');
  await openLater(BASE, () => Promise.resolve('https://scorer.example.org/'));
  said.mock.calls[0]?.[1]?.actions?.[0]?.callback(new MouseEvent('click'));
  expect(open.mock.lastCall).toEqual(['https://scorer.example.org/', '_blank', 'noopener']);
});
