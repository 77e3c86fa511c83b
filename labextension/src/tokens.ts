import { Token } from '@lumino/coreutils';

import type { Model } from './model';

/** What every surface shares: one model, so that the panel, the status bar and the docks cannot disagree. */
export interface IAca {
  readonly model: Model;
}

export const IAca = new Token<IAca>('aca-notebook:IAca', 'What runs on Azure Container Apps, for other extensions to show.');
