/** Write what a status says: a screen reader says it again whenever it is written, so only where it differs. */
export function sayOnce(status: HTMLElement, words: string): void {
  if (status.textContent !== words) {
    status.textContent = words;
  }
}
