/** A series as the points of a line, and as words. No DOM in here. */

import type { Metrics, Series } from '../protocol';

/** When a chart begins and ends, in milliseconds since 1970, and how long each value stands for. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly bucketMs: number;
}

/** The span that a chart of so many minutes shows: up to the end of the last bucket. */
export function spanOf(metrics: Metrics, minutes: number): Span {
  const bucketMs = metrics.bucketSeconds * 1000;
  const to = (metrics.at.at(-1) ?? 0) + bucketMs;
  return { from: to - minutes * 60_000, to, bucketMs };
}

/** The pieces of a stepped line in a box of this size; lowest is 0. Where nobody measured there is a gap. */
export function strokes(
  at: readonly number[],
  values: readonly (number | null)[],
  span: Span,
  width: number,
  height: number
): string[] {
  const top = Math.max(...values.map(value => value ?? 0), Number.MIN_VALUE);
  const x = (moment: number): string => (((moment - span.from) / (span.to - span.from)) * width).toFixed(1);
  const pieces: string[][] = [];
  let expected = NaN; // where the next value goes on from the last
  values.forEach((value, index) => {
    const begins = at[index] ?? span.from;
    if (value === null || begins < span.from) {
      return;
    }
    const y = (height - (value / top) * height).toFixed(1);
    if (begins !== expected) {
      pieces.push([]);
    }
    expected = begins + span.bucketMs;
    pieces.at(-1)?.push(`${x(begins)},${y}`, `${x(expected)},${y}`);
  });
  return pieces.map(piece => piece.join(' '));
}

/** What a screen reader says of a series: what it is last and at most; what nobody measured is said, not drawn as 0. */
export function describe(series: Series): string {
  const seen = series.values.filter(value => value !== null);
  const last = seen.at(-1);
  if (last === undefined) {
    return `${series.label}: not measured`;
  }
  return `${series.label}: ${amount(last, series.unit)} last, ${amount(Math.max(...seen), series.unit)} at most`;
}

/** A value with its unit, in the unit that keeps it short: `1.84 ms`, `31.3 MiB`, `5 requests per minute`. */
export function amount(value: number, unit: string): string {
  const [first = '', ...rest] = unit.split(' ');
  const [scaled, name] = first === 'seconds' ? inSeconds(value) : first === 'bytes' ? inBytes(value) : [value, first];
  return [short(scaled), name, ...rest].filter(word => word !== '').join(' ');
}

function inSeconds(value: number): [number, string] {
  if (value >= 1 || value === 0) {
    return [value, 's'];
  }
  return value >= 0.001 ? [value * 1e3, 'ms'] : [value * 1e6, 'µs'];
}

function inBytes(value: number): [number, string] {
  const power = Math.min(3, value >= 1 ? Math.floor(Math.log2(value) / 10) : 0);
  return [value / 1024 ** power, ['bytes', 'KiB', 'MiB', 'GiB'][power] ?? 'bytes'];
}

/** Three digits that say something. */
export function short(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 12 });
}
