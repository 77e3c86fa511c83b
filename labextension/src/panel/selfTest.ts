import type { Halved } from '../model';
import { PROTOCOL } from '../protocol';
import { button } from './header';

/** What is wrong with the installation, in words; null when both halves are there and fit. */
export interface Fault {
  readonly title: string;
  readonly words: string;
  /** Commands to copy, in order. */
  readonly commands: readonly string[];
}

/** Say which half is missing, and what to run. */
export function faultOf(halves: Halved): Fault | null {
  switch (halves.kind) {
    case 'missing':
      return {
        title: 'Half of this extension is missing',
        words:
          'The browser has its half; the Jupyter server does not answer for its own. It is not installed in the ' +
          "server's environment, or it is disabled there.",
        commands: ['pip install aca_notebook', 'jupyter server extension enable aca_notebook', 'jupyter server extension list']
      };
    case 'different':
      return {
        title: 'The two halves are of different versions',
        words:
          `This page speaks protocol ${PROTOCOL}; the server's aca_notebook ${halves.server.package} ` +
          `(Python ${halves.server.python}) speaks ${halves.server.protocol}. ` +
          'After an upgrade the server must start again and the page must be loaded again.',
        commands: ['pip install --upgrade aca_notebook']
      };
    default:
      return null;
  }
}

/** The page in place of a blank panel. */
export function selfTestPage(fault: Fault, again: () => void): HTMLElement {
  const page = document.createElement('section');
  page.className = 'aca-self-test';
  const title = document.createElement('h3');
  title.textContent = fault.title;
  const words = document.createElement('p');
  words.textContent = fault.words;
  const list = document.createElement('ol');
  for (const command of fault.commands) {
    const code = document.createElement('code');
    code.textContent = command;
    const item = document.createElement('li');
    item.append(code);
    list.append(item);
  }
  const retry = button('Test again', 'aca-primary');
  retry.addEventListener('click', () => again());
  page.append(title, words, list, retry);
  return page;
}
