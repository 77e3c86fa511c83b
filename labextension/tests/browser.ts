/** What a browser has and jsdom lacks. */
import { webcrypto } from 'node:crypto';

class Observer {
  observe(): void {
    // jsdom lays nothing out, so nothing is ever observed
  }
  unobserve(): void {
    // as above
  }
  disconnect(): void {
    // as above
  }
}

const missing: Record<string, unknown> = {
  DragEvent: class extends MouseEvent {},
  ResizeObserver: Observer,
  IntersectionObserver: Observer,
  matchMedia: () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }),
  crypto: webcrypto
};
for (const [name, value] of Object.entries(missing)) {
  if ((globalThis as Record<string, unknown>)[name] === undefined) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
}
