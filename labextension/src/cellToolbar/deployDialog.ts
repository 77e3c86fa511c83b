import { Widget } from '@lumino/widgets';

import type { DeployChoice } from './magicLine';
import { deployLine, gpuOf, suggestName } from './magicLine';

const GPUS: readonly (readonly [string, string])[] = [
  ['', 'none'],
  ['T4', 'T4 (16 GB)'],
  ['A100', 'A100 (80 GB)']
];

/** What to deploy a cell as; the line that will do it is shown as it changes. */
export class DeployForm extends Widget {
  private readonly name: HTMLInputElement;
  private readonly gpu: HTMLSelectElement;
  private readonly line: HTMLElement;

  constructor(
    private readonly source: string,
    loadsFirst: boolean
  ) {
    super();
    this.addClass('aca-form');
    this.name = document.createElement('input');
    this.name.type = 'text';
    this.name.required = true;
    this.name.maxLength = 32;
    this.name.pattern = '[a-z](?!.*--)[\\-a-z0-9]{0,30}[a-z0-9]';
    this.name.title = 'lower-case letters, digits and single hyphens; 2 to 32';
    this.name.value = suggestName(source);
    this.name.spellcheck = false;
    this.gpu = document.createElement('select');
    this.gpu.append(...GPUS.map(([value, text]) => new Option(text, value)));
    this.gpu.value = gpuOf(source);
    this.line = document.createElement('pre');
    this.line.className = 'aca-line';
    this.line.setAttribute('role', 'status');
    this.line.setAttribute('aria-label', 'the line that goes on top of the cell');
    const told = document.createElement('p');
    told.textContent =
      `This line goes on top of the cell, and the cell runs${loadsFirst ? ', after %load_ext aca_notebook' : ''}. ` +
      "It goes where this notebook's %aca target points; Show plan says what ships, where, and for how much an hour.";
    this.node.append(labelled('App', this.name), labelled('GPU', this.gpu), this.line, told);
    this.name.addEventListener('input', this.draw);
    this.gpu.addEventListener('change', this.draw);
    this.draw();
  }

  /** What is chosen now. */
  choice(planOnly: boolean): DeployChoice {
    return { name: this.name.value.trim(), gpu: this.gpu.value, planOnly };
  }

  getValue(): DeployChoice {
    return this.choice(false);
  }

  private readonly draw = (): void => {
    this.line.textContent = deployLine(this.source, this.choice(false));
  };
}

/** Which session to run a cell in. */
export class SessionForm extends Widget {
  private readonly name: HTMLInputElement;
  private readonly line: HTMLElement;

  constructor(
    name: string,
    private readonly write: (name: string) => string,
    loadsFirst: boolean
  ) {
    super();
    this.addClass('aca-form');
    this.name = document.createElement('input');
    this.name.type = 'text';
    this.name.value = name;
    this.name.placeholder = "this notebook's own";
    this.name.pattern = '[A-Za-z0-9][\\-A-Za-z0-9_.]{0,62}';
    this.name.spellcheck = false;
    this.line = document.createElement('pre');
    this.line.className = 'aca-line';
    this.line.setAttribute('role', 'status');
    this.line.setAttribute('aria-label', 'the line that goes on top of the cell');
    const told = document.createElement('p');
    told.textContent =
      `This line goes on top of the cell, and the cell runs${loadsFirst ? ', after %load_ext aca_notebook' : ''}, ` +
      'in a sandbox: variables of this kernel are not there unless -i names them.';
    this.node.append(labelled('Session', this.name), this.line, told);
    this.name.addEventListener('input', this.draw);
    this.draw();
  }

  getValue(): string {
    return this.name.value.trim();
  }

  private readonly draw = (): void => {
    this.line.textContent = this.write(this.getValue());
  };
}

function labelled(text: string, field: HTMLElement): HTMLElement {
  const label = document.createElement('label');
  label.className = 'aca-field';
  const words = document.createElement('span');
  words.textContent = text;
  field.classList.add('jp-mod-styled');
  label.append(words, field);
  return label;
}
