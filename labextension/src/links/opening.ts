import { Notification } from '@jupyterlab/apputils';

import { problemOf } from '../request';

/**
 * Open what the server has yet to tell the address of; `otherwise` is opened where it cannot tell.
 *
 * A window that is opened after a question is a pop-up to a browser: it is opened first, and led there. Where even
 * that was held back, a notification has a button that opens the address: a press is no pop-up.
 */
export async function openLater(base: string, address: () => Promise<string>, otherwise: string | null = null): Promise<void> {
  const opened = window.open('', '_blank');
  let url: string;
  try {
    url = new URL(await told(address, otherwise), base).href;
  } catch (error) {
    opened?.close();
    const { message, hint } = problemOf(error);
    Notification.error([message, hint].filter(Boolean).join('\n'), { autoClose: false });
    return;
  }
  if (opened) {
    opened.opener = null;
    opened.location.href = url;
  } else {
    const callback = (): void => void window.open(url, '_blank', 'noopener');
    const actions = [{ label: 'Open', caption: 'Open the page in a new tab', callback }];
    Notification.warning('The browser held back a new tab.', { autoClose: false, actions });
  }
}

async function told(address: () => Promise<string>, otherwise: string | null): Promise<string> {
  try {
    return await address();
  } catch (error) {
    if (otherwise === null) {
      throw error;
    }
    return otherwise;
  }
}
