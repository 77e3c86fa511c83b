/** A series as the points of a line, and as words. No DOM in here. */

import type { Series } from '../protocol';

/** The pieces of a line in a box of this size: a gap where nobody measured ends one. Lowest is 0. */
export function strokes(values: readonly (number | null)[], width: number, height: number): string[] {
  const top = Math.max(...values.map(value => value ?? 0), Number.MIN_VALUE);
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  const pieces: string[][] = [[]];
  values.forEach((value, at) => {
    if (value === null) {
      pieces.push([]);
    } else {
      pieces.at(-1)?.push(`${(at * step).toFixed(1)},${(height - (value / top) * height).toFixed(1)}`);
    }
  });
  return pieces.filter(piece => piece.length > 0).map(piece => piece.join(' '));
}

/** `0.53 requests per minute` now, and the most it was; what nobody measured is said, not drawn as 0. */
export function describe(series: Series): string {
  const seen = series.values.filter(value => value !== null);
  const last = seen.at(-1);
  if (last === undefined) {
    return `${series.label}: not measured`;
  }
  return `${series.label}: ${short(last)} ${series.unit} last, ${short(Math.max(...seen))} at most`;
}

/** Three digits that say something. */
export function short(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 12 });
}
