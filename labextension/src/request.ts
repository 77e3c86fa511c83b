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
 * An answer that has not changed is the same object again, so that `===` tells whether anything has.
 */
export function sender(settings: ServerConnection.ISettings): Send {
  const kept = new Map<string, { tag: string; value: unknown }>();
  return async (method, path, query, body) => {
    const url = address(settings.baseUrl, path, query);
    const before = method === 'GET' ? kept.get(url) : undefined;
    const headers = before ? { 'If-None-Match': before.tag } : undefined;
    const answer = await reach(url, { method, ...(headers && { headers }), ...(body && { body: JSON.stringify(body) }) });
    if (answer.status === 304 && before) {
      return before.value;
    }
    const value = await readAnswer(answer);
    const tag = answer.headers.get('ETag');
    if (method === 'GET' && tag) {
      kept.set(url, { tag, value });
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
  const text = await answer.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  if (answer.ok) {
    return value;
  }
  throw new RequestFailed(problemIn(value) ?? unknownProblem(answer), answer.status);
}

function problemIn(value: unknown): Problem | null {
  if (typeof value !== 'object' || value === null || !('message' in value) || typeof value.message !== 'string') {
    return null;
  }
  const said = value as Partial<Record<keyof Problem, unknown>>;
  const word = (part: unknown): string => (typeof part === 'string' ? part : '');
  return { message: value.message, code: word(said.code), detail: word(said.detail), hint: word(said.hint) };
}

function unknownProblem(answer: Response): Problem {
  return { message: `the Jupyter server answered ${answer.status}`, code: '', detail: answer.statusText, hint: '' };
}
