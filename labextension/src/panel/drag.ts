import { MimeData } from '@lumino/coreutils';
import { Drag } from '@lumino/dragdrop';

import type { Client } from '../protocol';
import type { Row } from './rows';

/** What notebooks take as new cells. */
const CELLS = 'application/vnd.jupyter.cells';
/** Pixels that the pointer moves before it is a drag. */
const FAR = 5;

/**
 * Begin to drag an app: a notebook takes it as a cell that calls it, an editor as the text.
 *
 * The code is asked for when the button goes down, because what is dragged must be there when it is dropped.
 */
export function pressed(client: Client, row: Row, event: PointerEvent, failed: (error: unknown) => void): void {
  const app = row.kind === 'app' ? row.app : null;
  if (app === null) {
    return;
  }
  let code: string | null = null;
  client.callingCode(app.name).then(
    answer => {
      code = answer.code;
    },
    (error: unknown) => failed(error)
  );
  const move = (moved: PointerEvent): void => {
    const distance = Math.max(Math.abs(moved.clientX - event.clientX), Math.abs(moved.clientY - event.clientY));
    if (code !== null && distance >= FAR) {
      end();
      void drag(app.name, code, moved);
    }
  };
  const end = (): void => {
    document.removeEventListener('pointermove', move, true);
    document.removeEventListener('pointerup', end, true);
    document.removeEventListener('pointercancel', end, true);
  };
  document.addEventListener('pointermove', move, true);
  document.addEventListener('pointerup', end, true);
  document.addEventListener('pointercancel', end, true);
}

async function drag(name: string, code: string, event: PointerEvent): Promise<void> {
  const mimeData = new MimeData();
  mimeData.setData(CELLS, [{ cell_type: 'code', source: code, metadata: {}, outputs: [], execution_count: null }]);
  mimeData.setData('text/plain', code);
  const dragImage = document.createElement('div');
  dragImage.className = 'aca-drag';
  dragImage.textContent = `call ${name}`;
  const dragging = new Drag({ mimeData, dragImage, supportedActions: 'copy', proposedAction: 'copy', source: null });
  await dragging.start(event.clientX, event.clientY);
  dragging.dispose();
}
