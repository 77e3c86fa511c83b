/** A cell's text as sixteen hexadecimal digits: the same that `model/fingerprint.py` makes of it in the kernel. */

const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;
const MASK = 0xffffffffffffffffn;

/**
 * FNV-1a, 64 bits, over the text in UTF-8 without the white space at its end.
 *
 * It tells whether a cell was edited, and guards nothing. The page's own digests are there on https only, and a
 * JupyterHub may have none.
 */
export function fingerprint(source: string): string {
  let hash = OFFSET;
  for (const byte of new TextEncoder().encode(source.trimEnd())) {
    hash = ((hash ^ BigInt(byte)) * PRIME) & MASK;
  }
  return hash.toString(16).padStart(16, '0');
}
