/** The `%%aca` line on top of a cell: read, written and replaced as text. Nothing here knows Jupyter or a page. */

/** A cell's first line, when it is one of ours. */
export interface MagicLine {
  /** `deploy`, `plan`, `session`, … */
  verb: string;
  /** The app or the session; empty where the line names none. */
  name: string;
  /** What stands after the name, word by word, as it was written. */
  flags: readonly string[];
}

/** What a person chose for a deployment. */
export interface DeployChoice {
  name: string;
  /** `T4`, `A100`, or empty for none. */
  gpu: string;
  /** Look only: what would ship, where, for how much. */
  planOnly: boolean;
}

/** Azure's rule for the names of container apps (ContainerAppInvalidName). */
const NAME = /^(?!.*--)[a-z][-a-z0-9]{0,30}[a-z0-9]$/;
const WORD = /"[^"]*"|'[^']*'|\S+/g;
const DEFINITION = /^(?:async[ \t]+def|def|class)[ \t]+([A-Za-z_]\w*)/gm;

/** Whether Azure takes this name for an app. */
export function isAppName(name: string): boolean {
  return NAME.test(name);
}

/** The `%%aca` line of a cell, or null for a cell without one. */
export function readMagic(source: string): MagicLine | null {
  const first = firstLine(source);
  const words = first.match(WORD) ?? [];
  const [magic, verb, next, ...rest] = words;
  if (magic !== '%%aca' || verb === undefined) {
    return null;
  }
  if (next === undefined) {
    return { verb, name: '', flags: [] };
  }
  return next.startsWith('-')
    ? { verb, name: '', flags: [next, ...rest] }
    : { verb, name: next, flags: rest };
}

/** The magic that a cell starts with, when it is somebody else's: `%%time` cannot stand below ours. */
export function otherMagic(source: string): string {
  const [magic = ''] = firstLine(source).split(/\s/, 1);
  return magic.startsWith('%%') && magic !== '%%aca' ? magic : '';
}

/** The line that deploys, or plans, with what was chosen; other flags of the line that is there stay. */
export function deployLine(source: string, choice: DeployChoice): string {
  const present = readMagic(source);
  const kept = present !== null && ['deploy', 'plan'].includes(present.verb) ? present.flags : [];
  const gpu = choice.gpu === '' ? [] : ['--gpu', choice.gpu];
  const verb = choice.planOnly ? 'plan' : 'deploy';
  return ['%%aca', verb, choice.name, ...gpu, ...without(kept, ['--gpu'], ['--dry-run'])].join(' ');
}

/** The line that runs a cell in a session; without a name, in the notebook's own. Flags of such a line stay. */
export function sessionLine(source: string, name: string): string {
  const present = readMagic(source);
  const kept = present?.verb === 'session' ? present.flags : [];
  return ['%%aca', 'session', name, ...kept].filter(word => word !== '').join(' ');
}

/** The cell with this line on top, in the place of the `%%aca` line it had. */
export function withLine(source: string, line: string): string {
  return `${line}\n${body(source)}`;
}

/** The cell without its `%%aca` line. */
export function body(source: string): string {
  if (readMagic(source) === null) {
    return source;
  }
  const lines = source.split('\n');
  const at = lines.findIndex(line => line.trim() !== '');
  return lines.slice(at + 1).join('\n');
}

/** The functions and classes that a cell defines, in order: what deploying it would serve. */
export function definitions(source: string): string[] {
  return [...body(source).matchAll(DEFINITION)]
    .map(found => found[1] ?? '')
    .filter(name => !name.startsWith('_'));
}

/** A name for the app: the one on the cell's line, or its last function's in Azure's letters. */
export function suggestName(source: string): string {
  const present = readMagic(source);
  if (present !== null && ['deploy', 'plan'].includes(present.verb) && present.name !== '') {
    return present.name;
  }
  const last = definitions(source).at(-1) ?? '';
  const spaced = last.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();
  const name = spaced.replace(/[^a-z0-9]+/g, '-').replace(/^[^a-z]+|-+$/g, '').slice(0, 32).replace(/-+$/, '');
  return isAppName(name) ? name : 'app';
}

/** The GPU on the cell's line; empty for none. */
export function gpuOf(source: string): string {
  const flags = readMagic(source)?.flags ?? [];
  const at = flags.indexOf('--gpu');
  const joined = flags.find(flag => flag.startsWith('--gpu='));
  return (at >= 0 ? flags[at + 1] : joined?.slice('--gpu='.length))?.toUpperCase() ?? '';
}

function firstLine(source: string): string {
  return source.split('\n').find(line => line.trim() !== '')?.trim() ?? '';
}

/** Leave out flags with a value (`--gpu T4`, `--gpu=T4`) and flags without one. */
function without(words: readonly string[], valued: readonly string[], bare: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (valued.includes(word)) {
      at += 1;
    } else if (!bare.includes(word) && !valued.some(flag => word.startsWith(`${flag}=`))) {
      kept.push(word);
    }
  }
  return kept;
}
