/** What stands under a cell that was deployed: decided from what its card kept, its text and what runs now. */

/** What a deployment's card keeps of itself in the notebook: see `display/saved.py`. */
export interface Kept {
  app: string;
  target: string;
  revision: string;
  /** The bundle's digest: the app's tag says the same as long as nobody deployed anything else. */
  digest: string;
  /** The cell's fingerprint when it was deployed. */
  source: string;
}

/** The app now, as its resource says. */
export interface Present {
  revision: string;
  digest: string;
  /** Azure's word: `Running`, `Stopped`, … */
  state: string;
}

/** The target the server looks at, and what it sees there; `apps` is null while it has not answered. */
export interface Seen {
  target: string;
  apps: ReadonlyMap<string, Present> | null;
}

export type Tone = 'live' | 'drift' | 'gone' | 'unknown';

export interface Badge {
  tone: Tone;
  text: string;
  /** A sentence for the tooltip and for screen readers. */
  title: string;
}

/** The badge of a cell whose card kept this and whose text has this fingerprint now. */
export function decideBadge(kept: Kept, now: string, seen: Seen): Badge {
  const was = shortRevision(kept.revision);
  if (seen.apps === null) {
    return unknown(kept, 'nobody can be asked what runs now');
  }
  if (seen.target !== kept.target) {
    return unknown(kept, `it went to the target ${kept.target}; the panel looks at ${seen.target}`);
  }
  const present = seen.apps.get(kept.app);
  if (present === undefined) {
    return { tone: 'gone', text: `– ${kept.app} · gone`, title: `The app ${kept.app} is no longer there.` };
  }
  if (present.digest !== kept.digest) {
    return {
      tone: 'drift',
      text: `≠ ${kept.app} · ${shortRevision(present.revision)} runs, not ${was}`,
      title: `Other code was deployed as ${kept.app} since: this cell's is not what answers.`
    };
  }
  if (now !== kept.source) {
    return {
      tone: 'drift',
      text: `≠ ${kept.app} · edited since ${was}`,
      title: `The cell was edited since it was deployed: ${was} runs what it was before.`
    };
  }
  const stopped = present.state === 'Stopped';
  return {
    tone: stopped ? 'gone' : 'live',
    text: `${stopped ? '–' : '✓'} ${kept.app} · ${shortRevision(present.revision)}${stopped ? ' · stopped' : ''}`,
    title:
      `This cell's text is what ${present.revision} was made of. What other cells changed since is not looked at: ` +
      `%aca plan ${kept.app} does.`
  };
}

/** What the front end kept, read from an output's JSON; null for what is none of ours. */
export function readKept(value: unknown): Kept | null {
  if (typeof value !== 'object' || value === null) {
    return null;
  }
  const members = value as Record<string, unknown>;
  const text = (name: string): string => (typeof members[name] === 'string' ? members[name] : '');
  const app = text('app');
  if (app === '' || members.kind !== 'deployment') {
    return null;
  }
  return { app, target: text('target'), revision: text('revision'), digest: text('digest'), source: text('source') };
}

/** The part of a revision's name after the app's. */
export function shortRevision(name: string): string {
  return name.split('--').at(-1) ?? name;
}

function unknown(kept: Kept, why: string): Badge {
  return {
    tone: 'unknown',
    text: `· ${kept.app} · ${shortRevision(kept.revision)}`,
    title: `Deployed as ${kept.app}; not compared: ${why}.`
  };
}
