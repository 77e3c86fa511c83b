/** The line under a saved card that says what its app does now. No DOM in here. */

import type { App, Tree } from '../protocol';
import { counted, dollars } from '../statusBar/summary';

export interface Live {
  text: string;
  /** Whether there is an app to open, and logs to read. */
  there: boolean;
}

/** What to say of the app that a card of this target is of; null while nobody can tell. */
export function describeLive(app: string, target: string, tree: Tree | null): Live | null {
  if (tree?.target.connection !== 'on' || tree.target.name !== target || tree.problem !== null) {
    return null;
  }
  const found = tree.environments.flatMap(each => each.apps).find(each => each.name === app);
  return found === undefined
    ? { text: `now: gone; no app ${app} on the target ${target}`, there: false }
    : { text: `now: ${words(found, tree.target.charges)}`, there: true };
}

function words(app: App, billed: boolean): string {
  const replicas = app.replicas ?? 0;
  const cost = app.hourlyUsd === null || replicas === 0 ? '' : `${dollars(app.hourlyUsd * replicas)}/h${billed ? '' : ', not billed'}`;
  return [app.state, counted(replicas, 'replica'), cost].filter(word => word !== '').join(' · ');
}
