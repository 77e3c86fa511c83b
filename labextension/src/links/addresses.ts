/** Which links lead where only the server's machine can go. No DOM in here. */

/** Whether an address is one of the machine that names it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host);
}

/** The address to ask the server for, of a link on a page; null for one that the browser reaches by itself. */
export function wantsServer(href: string, pageHost: string): string | null {
  return isLoopback(pageHost) ? null : ownMachine(href);
}

/** An address on the machine that names it, such as an emulated app's; null for any other. */
export function ownMachine(href: string): string | null {
  try {
    const url = new URL(href);
    const web = url.protocol === 'http:' || url.protocol === 'https:';
    return web && url.port !== '' && isLoopback(url.hostname) ? url.href : null;
  } catch {
    return null;
  }
}
