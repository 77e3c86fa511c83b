/** Whether closing deserves a question: decided from what runs and what it costs. No DOM in here. */

import type { App, Status, Tree } from '../protocol';

/** When to ask: where money is spent, wherever something runs, or never. */
export type GuardMode = 'paid' | 'running' | 'never';

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
 * A notebook is asked about for the apps it deployed, as far as the tree says; what nobody can tell is counted.
 */
export function decideQuestion(
  status: Status | null,
  tree: Tree | null,
  mode: GuardMode,
  notebook: string | null
): Question | null {
  if (mode === 'never' || status?.target.connection !== 'on') {
    return null;
  }
  const apps = new Map<string, App>();
  tree?.environments.forEach(each => each.apps.forEach(app => apps.set(app.name, app)));
  const running = [...apps.values()].filter(app => (app.replicas ?? 0) > 0).map(app => app.name);
  const names = [...new Set([...status.paid, ...(mode === 'running' ? running : [])])]
    .filter(name => {
      const app = apps.get(name);
      return notebook === null || app === undefined || app.notebook === notebook;
    })
    .sort();
  if (names.length === 0) {
    return null;
  }
  return { names, hourlyUsd: sum(names.map(name => hourly(apps.get(name)))), billed: status.target.charges };
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
