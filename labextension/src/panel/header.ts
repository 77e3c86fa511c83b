import type { Target } from '../protocol';

/** What a person does in the panel's head. */
export interface HeaderGestures {
  readonly choose: (target: string) => void;
  readonly connect: () => void;
  readonly refresh: () => void;
  readonly search: (text: string) => void;
}

/** The target switch, where it leads, and the search. */
export class Header {
  readonly node = document.createElement('div');
  private readonly targets = document.createElement('select');
  private readonly place = document.createElement('div');
  private readonly connect = button('Connect', 'aca-primary');
  private readonly search = document.createElement('input');
  private readonly off = document.createElement('div');
  private readonly offWords = document.createElement('p');
  private drawn = '';

  constructor(gestures: HeaderGestures) {
    this.node.className = 'aca-panel-head';
    this.targets.className = 'jp-mod-styled';
    this.targets.addEventListener('change', () => gestures.choose(this.targets.value));
    const refresh = button('↻', 'aca-quiet');
    refresh.title = 'Look again now';
    refresh.setAttribute('aria-label', refresh.title);
    refresh.addEventListener('click', () => gestures.refresh());
    const line = document.createElement('div');
    line.className = 'aca-panel-line';
    const label = document.createElement('label');
    label.textContent = 'Target ';
    label.append(this.targets);
    line.append(label, refresh);
    this.place.className = 'aca-panel-place';
    this.search.type = 'search';
    this.search.className = 'jp-mod-styled aca-panel-search';
    this.search.placeholder = 'Search apps and sessions';
    this.search.setAttribute('aria-label', this.search.placeholder);
    this.search.addEventListener('input', () => gestures.search(this.search.value));
    this.connect.addEventListener('click', () => {
      if (this.connect.getAttribute('aria-disabled') !== 'true') {
        gestures.connect();
      }
    });
    this.off.className = 'aca-panel-off';
    this.off.append(this.offWords, this.connect);
    this.node.append(line, this.place, this.search, this.off);
  }

  /** Whether the focus is where it will be lost once the target is connected. */
  get connectHasFocus(): boolean {
    return this.connect === document.activeElement;
  }

  /** Draw anew next time: what a person chose in the list has not come to be. */
  forget(): void {
    this.drawn = '';
  }

  /** Draw where the panel looks; `busy` while a connection is being made. */
  show(target: Target, busy: boolean): void {
    const said = JSON.stringify([target, busy]);
    if (said === this.drawn) {
      return;
    }
    this.drawn = said;
    this.targets.replaceChildren(...target.choices.map(name => new Option(name, name, false, name === target.name)));
    const on = target.connection === 'on';
    this.place.textContent = on
      ? [target.resourceGroup, target.location, target.charges ? '' : 'nobody is billed'].filter(Boolean).join(' · ')
      : '';
    this.place.title = target.subscription === '' ? '' : `subscription ${target.subscription}, environment ${target.environment}`;
    this.search.hidden = !on;
    this.off.hidden = on;
    this.connect.setAttribute('aria-disabled', String(busy)); // not disabled: that would lose the focus
    this.connect.textContent = busy ? 'Connecting …' : 'Connect';
    this.offWords.textContent = `The target ${target.name} is not connected: opening the panel starts nothing and signs nobody in.`;
  }
}

/** A button that says what it does. */
export function button(text: string, name: string): HTMLButtonElement {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = `jp-mod-styled ${name}`;
  made.textContent = text;
  return made;
}
