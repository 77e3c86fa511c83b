/** Ids of our commands: the palette, menus, keys and other extensions name them by these. */
export const CommandIDs = {
  showPanel: 'aca-notebook:show-panel',
  refresh: 'aca-notebook:refresh',
  stop: 'aca-notebook:stop-app',
  start: 'aca-notebook:start-app',
  restart: 'aca-notebook:restart-app',
  scale: 'aca-notebook:scale-app',
  down: 'aca-notebook:delete-app',
  promote: 'aca-notebook:promote-revision',
  open: 'aca-notebook:open-app',
  insertCode: 'aca-notebook:insert-calling-code',
  openLogs: 'aca-notebook:open-logs',
  openMetrics: 'aca-notebook:open-metrics',
  deployCell: 'aca-notebook:deploy-cell',
  runInSession: 'aca-notebook:run-in-session',
  cellLogs: 'aca-notebook:open-cell-logs',
  newNotebook: 'aca-notebook:new-notebook'
} as const;
