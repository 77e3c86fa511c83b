import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { Problem, Send } from './protocol';

/** An answer that is an error: our three lines, and HTTP's status (0 when nobody answered). */
export class RequestFailed extends Error {
  constructor(
    readonly problem: Problem,
    readonly status: number
  ) {
    super(problem.message);
    this.name = 'RequestFailed';
  }
}

/** The path of an app's log. */
const LOGS = /^apps\/[^/]+\/logs$/;

/** What anything that was thrown says to a person. */
export function problemOf(error: unknown): Problem {
  if (error instanceof RequestFailed) {
    return error.problem;
  }
  const message = error instanceof Error ? error.message : String(error);
  return { message, code: '', detail: '', hint: '' };
}

/**
 * Requests to our server extension, under whatever base URL and with whatever credentials the page has.
 *
 * An answer that has not changed is the same object again, so that `===` tells whether anything has. The last answer
 * of each path is kept for that; none of a log, which is never asked for twice from the same position.
 */
export function sender(settings: ServerConnection.ISettings): Send {
  const kept = new Map<string, { url: string; tag: string; value: unknown }>();
  return async (method, path, query, body) => {
    const url = address(settings.baseUrl, path, query);
    const last = method === 'GET' ? kept.get(path) : undefined;
    const before = last?.url === url ? last : undefined;
    const headers = before ? { 'If-None-Match': before.tag } : undefined;
    const answer = await reach(url, { method, ...(headers && { headers }), ...(body && { body: JSON.stringify(body) }) });
    if (answer.status === 304 && before) {
      return before.value;
    }
    const value = await readAnswer(answer);
    const tag = answer.headers.get('ETag');
    if (method === 'GET' && tag && !LOGS.test(path)) {
      kept.set(path, { url, tag, value });
    }
    return value;
  };

  async function reach(url: string, init: RequestInit): Promise<Response> {
    try {
      return await ServerConnection.makeRequest(url, init, settings);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      const message = 'the Jupyter server does not answer';
      throw new RequestFailed({ message, code: 'ConnectionLost', detail, hint: 'is it still running?' }, 0);
    }
  }
}

function address(base: string, path: string, query: object): string {
  const said = Object.entries(query).filter(([, value]) => value !== undefined) as [string, unknown][];
  const text = said.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`).join('&');
  return URLExt.join(base, 'aca-notebook', path) + (text && `?${text}`);
}

async function readAnswer(answer: Response): Promise<unknown> {
  const value = parsed(await answer.text());
  if (answer.ok && value !== undefined) {
    return value;
  }
  throw new RequestFailed(problemIn(value) ?? (answer.ok ? strangeAnswer(answer) : unknownProblem(answer)), answer.status);
}

/** What a text in JSON says; undefined for any other. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function problemIn(value: unknown): Problem | null {
  if (typeof value !== 'object' || value === null || !('message' in value) || typeof value.message !== 'string') {
    return null;
  }
  const said = value as Partial<Record<keyof Problem, unknown>>;
  const word = (part: unknown): string => (typeof part === 'string' ? part : '');
  return { message: value.message, code: word(said.code), detail: word(said.detail), hint: word(said.hint) };
}

function strangeAnswer(answer: Response): Problem {
  const message = 'something else answered in place of the Jupyter server';
  const detail = `expected JSON, got ${answer.headers.get('Content-Type') ?? 'nothing that says what it is'}`;
  return { message, code: 'StrangeAnswer', detail, hint: 'a proxy or a sign-in page? load this page again' };
}

function unknownProblem(answer: Response): Problem {
  return { message: `the Jupyter server answered ${answer.status}`, code: '', detail: answer.statusText, hint: '' };
}
