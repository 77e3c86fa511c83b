import { Notification } from '@jupyterlab/apputils';

import { problemOf } from '../request';

/**
 * Open what the server has yet to tell the address of.
 *
 * A window that is opened after a question is a pop-up to a browser: it is opened first, and led there.
 */
export async function openLater(base: string, address: () => Promise<string>): Promise<void> {
  const opened = window.open('', '_blank');
  try {
    const url = await address();
    if (opened) {
      opened.opener = null;
      opened.location.href = new URL(url, base).href;
    }
  } catch (error) {
    opened?.close();
    const { message, hint } = problemOf(error);
    Notification.error([message, hint].filter(Boolean).join('\n'), { autoClose: false });
  }
}
