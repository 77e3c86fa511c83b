import { dollars } from '../statusBar/summary';
import type { Action, App, Revision, Target } from '../protocol';

/** What a person is asked before something is deleted or begins to cost; null when nothing need be asked. */
export interface Question {
  readonly title: string;
  readonly body: string;
  readonly accept: string;
  /** Whether what is done cannot be undone. */
  readonly warn: boolean;
}

/** Ask before what deletes, what interrupts and what spends. */
export function questionOf(action: Action['action'], app: App, revision: Revision | null, target: Target): Question | null {
  const where = target.charges ? ` on ${target.name}` : '';
  const price = priceOf(app, target);
  switch (action) {
    case 'down':
      return {
        title: `Delete ${app.name}${where}?`,
        body: `The app goes, with its revisions, its replicas and its key. Its address stops answering. This cannot be undone.`,
        accept: 'Delete',
        warn: true
      };
    case 'stop':
      return {
        title: `Stop ${app.name}?`,
        body: `Its replicas end, and requests fail until it is started again.`,
        accept: 'Stop',
        warn: true
      };
    case 'start':
      return { title: `Start ${app.name}?`, body: `It takes requests again. ${price}`, accept: 'Start', warn: false };
    case 'restart':
      return {
        title: `Restart ${app.name}?`,
        body: 'New replicas take the place of those that run; they read changed secrets.',
        accept: 'Restart',
        warn: false
      };
    case 'activate':
      return {
        title: `Activate ${revision?.name ?? app.name}?`,
        body: `It may run replicas beside the others. ${price}`,
        accept: 'Activate',
        warn: false
      };
    case 'deactivate':
      return { title: `Deactivate ${revision?.name ?? app.name}?`, body: 'Its replicas end.', accept: 'Deactivate', warn: true };
    case 'promote':
      return {
        title: `Send everything to ${revision?.name ?? app.name}?`,
        body: 'It gets all requests from now on; no other revision gets any.',
        accept: 'Promote',
        warn: false
      };
    case 'keep':
      return {
        title: `Keep ${app.name}?`,
        body: `It does not expire any more. ${price}`,
        accept: 'Keep',
        warn: false
      };
    default:
      return null;
  }
}

/** What an app's replica costs, and whether anybody pays. */
export function priceOf(app: App, target: Target): string {
  if (app.hourlyUsd === null) {
    return '';
  }
  const each = `A replica costs ${dollars(app.hourlyUsd)} an hour while it runs`;
  return target.charges ? `${each}.` : `${each} on Azure; nobody is billed here.`;
}

/** The bounds a person typed, as `2` or `0-10`; a sentence when they make no sense. */
export function readBounds(text: string): { min: number; max: number } | string {
  const found = /^\s*(\d{1,4})\s*(?:[-–]|to|\.\.)?\s*(\d{1,4})?\s*$/.exec(text);
  if (found === null) {
    return 'write the least and the most, such as 0-10';
  }
  const min = Number(found[1]);
  const max = found[2] === undefined ? min : Number(found[2]);
  if (max < 1 || max > 1000 || min > max) {
    return 'the most is 1 to 1000, and no less than the least';
  }
  return { min, max };
}
