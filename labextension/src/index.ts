import { bottomPanelPlugin } from './bottomPanel/plugin';
import { cellToolbarPlugin } from './cellToolbar/plugin';
import { closeGuardPlugin } from './closeGuard/plugin';
import { launcherPlugin } from './launcher/plugin';
import { linksPlugin } from './links/plugin';
import { panelPlugin } from './panel/plugin';
import { rendererPlugin } from './renderer/plugin';
import { settingsPlugin } from './settings';
import { statusBarPlugin } from './statusBar/plugin';

export { IAca } from './tokens';

/** One plugin a surface: a person may disable each by its id. */
export default [
  settingsPlugin,
  panelPlugin,
  linksPlugin,
  cellToolbarPlugin,
  statusBarPlugin,
  bottomPanelPlugin,
  launcherPlugin,
  rendererPlugin,
  closeGuardPlugin
];
