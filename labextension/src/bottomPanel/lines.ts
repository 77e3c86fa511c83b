/** The lines of a log that a dock keeps, and which of them a filter shows. No DOM in here. */

import type { LogLine, LogPage } from '../protocol';

export const MOST_LINES = 5_000;

/** What a dock has read so far: where to ask from next, and what was lost on the way. */
export interface Reading {
  readonly lines: readonly LogLine[];
  readonly next: number;
  readonly missed: number;
  readonly ended: boolean;
}

export const NOTHING_READ: Reading = { lines: [], next: 0, missed: 0, ended: false };

/**
 * Add a page to what was read; the oldest lines go when there are too many, and are counted as missed.
 *
 * A log that the server began anew (after a restart of either) stands for all that was read.
 */
export function readOn(before: Reading, page: LogPage, most = MOST_LINES): Reading {
  const reading = page.begun ? NOTHING_READ : before;
  const all = [...reading.lines, ...page.lines];
  const over = Math.max(0, all.length - most);
  return {
    lines: over > 0 ? all.slice(over) : all,
    next: page.next,
    missed: reading.missed + page.missed + over,
    ended: page.ended
  };
}

/** Whether a line has what was typed in it, whatever the case. */
export function matches(line: LogLine, filter: string): boolean {
  return filter === '' || line.text.toLowerCase().includes(filter.toLowerCase());
}

/** `12:03:44` of a moment in ISO 8601, in UTC; empty without one. */
export function clockTime(at: string | null): string {
  return at === null ? '' : at.slice(11, 19);
}
