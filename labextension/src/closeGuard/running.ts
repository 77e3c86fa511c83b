/** Whether closing deserves a question: decided from what runs and what it costs. No DOM in here. */

import type { App, Status, Tree } from '../protocol';

/** When to ask: where money is spent, wherever something runs, or never. */
export type GuardMode = 'paid' | 'running' | 'never';

/** A notebook that is about to close: its file's name, and every word that may be the name of an app it deployed. */
export interface Closing {
  readonly file: string;
  readonly words: ReadonlySet<string>;
}

export interface Question {
  names: readonly string[];
  /** US dollars an hour for all of them; null while unknown. */
  hourlyUsd: number | null;
  /** Whether anybody is billed. */
  billed: boolean;
}

/**
 * What to ask before closing a notebook, or the page (`notebook` null); null when there is nothing to ask.
 *
 * A notebook is asked about only for apps that are surely its own: their tag has its file's name (without a folder:
 * other people have a `train.ipynb` too), and it names them itself. The page is asked about for all.
 */
export function decideQuestion(
  status: Status | null,
  tree: Tree | null,
  mode: GuardMode,
  notebook: Closing | null
): Question | null {
  if (mode === 'never' || status?.target.connection !== 'on') {
    return null;
  }
  const apps = new Map<string, App>();
  tree?.environments.forEach(each => each.apps.forEach(app => apps.set(app.name, app)));
  const running = [...apps.values()].filter(app => (app.replicas ?? 0) > 0).map(app => app.name);
  const names = [...new Set([...status.paid, ...(mode === 'running' ? running : [])])]
    .filter(name => notebook === null || (apps.get(name)?.notebook === notebook.file && notebook.words.has(name)))
    .sort();
  if (names.length === 0) {
    return null;
  }
  return { names, hourlyUsd: sum(names.map(name => hourly(apps.get(name)))), billed: status.target.charges };
}

/** Whether there can be anything to ask, by what is known without reading the tree. */
export function mayAsk(status: Status | null, mode: GuardMode): boolean {
  const all = mode === 'running' && (status?.replicas ?? 0) > 0;
  return mode !== 'never' && status?.target.connection === 'on' && (status.paid.length > 0 || all);
}

/** The words of a text that can be names of apps. */
export function wordsOf(text: string): string[] {
  return text.split(/[^a-z0-9-]+/).filter(word => word !== '');
}

/** The sentence of the question. */
export function asked(question: Question, dollars: (amount: number) => string): string {
  const { names, hourlyUsd, billed } = question;
  const shown = names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');
  const cost = hourlyUsd === null ? '' : `, ${dollars(hourlyUsd)} an hour${billed ? '' : ' at list price (nobody is billed there)'}`;
  return `${shown} ${names.length === 1 ? 'runs' : 'run'} on after this is closed${cost}.`;
}

function hourly(app: App | undefined): number | null {
  return app === undefined || app.hourlyUsd === null || app.replicas === null ? null : app.hourlyUsd * app.replicas;
}

function sum(amounts: readonly (number | null)[]): number | null {
  return amounts.reduce<number | null>((whole, each) => (whole === null || each === null ? null : whole + each), 0);
}
