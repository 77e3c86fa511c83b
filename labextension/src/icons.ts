import { LabIcon } from '@jupyterlab/ui-components';

/** Drawn for this extension, in the theme's own colour. */
function icon(name: string, path: string): LabIcon {
  return new LabIcon({
    name: `aca-notebook:${name}`,
    svgstr:
      '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">' +
      `<path class="jp-icon3 jp-icon-selectable" fill="#616161" d="${path}"/></svg>`
  });
}

const DEPLOY =
  'M19.4 10A7.5 7.5 0 0 0 5.3 8 6 6 0 0 0 6 20h4v-2H6a4 4 0 0 1-.4-8l1.1-.1.5-1a5.5 5.5 0 0 1 10.3 1.6l.3 1.5 1.5.1A3 3 0 0 1 19 18h-5v2h5a5 5 0 0 0 .4-10zM13 20v-6h2.5L12 10l-3.5 4H11v6z';

export const deployIcon = icon('deploy', DEPLOY);
/** The same as a picture, for where only a picture can be: Azure's blue stands out on light and dark. */
export const deployPicture = `data:image/svg+xml,${encodeURIComponent(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="#2f80c8" d="${DEPLOY}"/></svg>`
)}`;
export const sessionIcon = icon(
  'session',
  'M4 4h16a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zm0 4v10h16V8zm2.2 2.4 1.4-1.4 4 4-4 4-1.4-1.4L8.8 13zM13 15h5v2h-5z'
);
export const logsIcon = icon('logs', 'M3 5h12v2H3zm0 4h18v2H3zm0 4h14v2H3zm0 4h18v2H3z');
export const metricsIcon = icon('metrics', 'M3 3h2v16h16v2H3zm4 12 4-6 3.5 4L20 6l1.6 1.2-7 9-3.5-4L8.7 16z');
