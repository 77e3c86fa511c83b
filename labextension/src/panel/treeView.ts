import type { Row } from './rows';

/** Pixels; `panel.css` draws rows of this height. */
export const ROW_HEIGHT = 26;
/** Rows drawn beyond what is seen, on each side. */
const BEYOND = 12;

/** What a person does with the tree. */
export interface Gestures {
  /** Open what is closed and close what is open. */
  readonly toggle: (row: Row) => void;
  /** Enter, or a double click. */
  readonly invoke: (row: Row) => void;
  /** The menu of the chosen row, at a place of the page. */
  readonly menu: (row: Row, x: number, y: number) => void;
  /** The button is down on a row: a drag may begin. */
  readonly press: (row: Row, event: PointerEvent) => void;
}

const MARKS: Record<string, string> = { ready: '●', asleep: '○', busy: '◐', stopped: '■', broken: '✕' };

/**
 * A tree of which only what is seen is drawn.
 *
 * It is one stop of the Tab key; `aria-activedescendant` names the chosen row, which is always drawn.
 */
export class TreeView {
  readonly node = document.createElement('div');
  private readonly sheet = document.createElement('div');
  private readonly drawn = new Map<string, { readonly row: Row; readonly node: HTMLElement }>();
  private rows: readonly Row[] = [];
  private indexes = new Map<string, number>();
  private chosenId = '';
  private typed = { text: '', at: 0 };

  constructor(
    label: string,
    private readonly gestures: Gestures
  ) {
    this.node.className = 'aca-tree';
    this.node.tabIndex = 0;
    this.node.setAttribute('role', 'tree');
    this.node.setAttribute('aria-label', label);
    this.sheet.className = 'aca-tree-sheet';
    this.sheet.setAttribute('role', 'presentation');
    this.node.append(this.sheet);
    this.node.addEventListener('scroll', () => this.draw(), { passive: true });
    this.node.addEventListener('keydown', event => this.key(event));
    this.node.addEventListener('click', event => this.click(event));
    this.node.addEventListener('dblclick', event => this.withRow(event, row => gestures.invoke(row)));
    this.node.addEventListener('contextmenu', event => this.withRow(event, row => this.choose(row.id)), { capture: true });
    this.node.addEventListener('pointerdown', event => {
      if (event.button === 0) {
        this.withRow(event, row => gestures.press(row, event));
      }
    });
    this.node.addEventListener('focus', () => this.draw());
  }

  /** The row that commands act on; null when there is none. */
  get chosen(): Row | null {
    const index = this.indexes.get(this.chosenId);
    return index === undefined ? null : (this.rows[index] ?? null);
  }

  /** Draw these; the chosen row stays chosen while it is there. */
  show(rows: readonly Row[]): void {
    this.rows = rows;
    this.indexes = new Map(rows.map((row, index) => [row.id, index]));
    if (!this.indexes.has(this.chosenId)) {
      this.chosenId = rows[0]?.id ?? '';
    }
    this.sheet.style.height = `${rows.length * ROW_HEIGHT}px`;
    this.draw();
  }

  /** Choose a row and bring it into view. */
  choose(id: string): void {
    const index = this.indexes.get(id);
    if (index === undefined) {
      return;
    }
    this.chosenId = id;
    const top = index * ROW_HEIGHT;
    if (top < this.node.scrollTop) {
      this.node.scrollTop = top;
    } else if (top + ROW_HEIGHT > this.node.scrollTop + this.node.clientHeight) {
      this.node.scrollTop = top + ROW_HEIGHT - this.node.clientHeight;
    }
    this.draw();
  }

  /** Draw what is seen, or has come into view. */
  draw(): void {
    const first = Math.max(Math.floor(this.node.scrollTop / ROW_HEIGHT) - BEYOND, 0);
    const seen = Math.ceil((this.node.clientHeight || 600) / ROW_HEIGHT);
    const wanted = new Map(this.rows.slice(first, first + seen + 2 * BEYOND).map((row, index) => [row.id, first + index]));
    const chosen = this.indexes.get(this.chosenId);
    if (chosen !== undefined) {
      wanted.set(this.chosenId, chosen);
    }
    for (const [id, { node }] of this.drawn) {
      if (!wanted.has(id)) {
        node.remove();
        this.drawn.delete(id);
      }
    }
    for (const [id, index] of wanted) {
      const row = this.rows[index];
      if (row) {
        this.drawRow(id, row, index);
      }
    }
    this.node.setAttribute('aria-activedescendant', chosen === undefined ? '' : elementId(this.chosenId));
  }

  private drawRow(id: string, row: Row, index: number): void {
    const before = this.drawn.get(id);
    const node = before?.node ?? document.createElement('div');
    if (before === undefined) {
      node.id = elementId(id);
      node.setAttribute('role', 'treeitem');
      this.sheet.append(node);
    }
    if (before === undefined || !same(before.row, row)) {
      fill(node, row);
    }
    node.style.transform = `translateY(${index * ROW_HEIGHT}px)`;
    node.setAttribute('aria-selected', String(id === this.chosenId));
    this.drawn.set(id, { row, node });
  }

  private withRow(event: Event, act: (row: Row) => void): void {
    const node = event.target instanceof Element ? event.target.closest('[role="treeitem"]') : null;
    const index = node instanceof HTMLElement ? this.indexes.get(node.dataset.id ?? '') : undefined;
    const row = index === undefined ? undefined : this.rows[index];
    if (row) {
      act(row);
    }
  }

  private click(event: MouseEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    this.withRow(event, row => {
      this.choose(row.id);
      if (target?.closest('.aca-row-more')) {
        this.gestures.menu(row, event.clientX, event.clientY);
      } else if (row.expandable && (row.kind !== 'app' || target?.closest('.aca-row-twist'))) {
        this.gestures.toggle(row);
      }
    });
  }

  private key(event: KeyboardEvent): void {
    const row = this.chosen;
    if (row === null || event.altKey || event.metaKey || event.ctrlKey) {
      return;
    }
    const done = this.move(event.key, row) || this.act(event, row) || this.type(event.key, event.timeStamp);
    if (done) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  private move(key: string, row: Row): boolean {
    const index = this.indexes.get(row.id) ?? 0;
    const page = Math.max(Math.floor(this.node.clientHeight / ROW_HEIGHT) - 1, 1);
    const to: Record<string, number> = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      PageDown: index + page,
      PageUp: index - page,
      Home: 0,
      End: this.rows.length - 1
    };
    const wanted = to[key];
    if (wanted === undefined) {
      return false;
    }
    this.choose(this.rows[Math.min(Math.max(wanted, 0), this.rows.length - 1)]?.id ?? '');
    return true;
  }

  private act(event: KeyboardEvent, row: Row): boolean {
    switch (event.key) {
      case 'ArrowRight':
        if (row.expandable && !row.expanded) {
          this.gestures.toggle(row);
        } else if (row.expanded) {
          this.move('ArrowDown', row);
        }
        return true;
      case 'ArrowLeft':
        if (row.expanded) {
          this.gestures.toggle(row);
        } else {
          this.choose(this.parentOf(row)?.id ?? '');
        }
        return true;
      case 'Enter':
        this.gestures.invoke(row);
        return true;
      case ' ':
        if (row.expandable) {
          this.gestures.toggle(row);
        }
        return true;
      case 'ContextMenu':
        return this.openMenu(row);
      case 'F10':
        return event.shiftKey && this.openMenu(row);
      default:
        return false;
    }
  }

  private openMenu(row: Row): boolean {
    const place = this.drawn.get(row.id)?.node.getBoundingClientRect();
    this.gestures.menu(row, (place?.left ?? 0) + 24, place?.bottom ?? 0);
    return true;
  }

  private parentOf(row: Row): Row | undefined {
    const before = this.rows.slice(0, this.indexes.get(row.id) ?? 0);
    return before.reverse().find(each => each.level < row.level);
  }

  /** Letters go to the next row that begins with them; a pause begins anew. */
  private type(key: string, at: number): boolean {
    if (key.length !== 1 || key.trim() === '') {
      return false;
    }
    const text = (at - this.typed.at < 700 ? this.typed.text : '') + key.toLowerCase();
    this.typed = { text, at };
    const from = (this.indexes.get(this.chosenId) ?? 0) + (text.length === 1 ? 1 : 0);
    const order = [...this.rows.slice(from), ...this.rows.slice(0, from)];
    const found = order.find(row => row.label.toLowerCase().startsWith(text));
    if (found) {
      this.choose(found.id);
    }
    return true;
  }
}

function fill(node: HTMLElement, row: Row): void {
  node.className = `aca-row aca-row-${row.kind}`;
  node.dataset.id = row.id;
  node.dataset.kind = row.kind;
  node.dataset.dot = row.dot;
  node.title = row.words;
  node.setAttribute('aria-label', row.words);
  node.setAttribute('aria-level', String(row.level));
  node.setAttribute('aria-posinset', String(row.position));
  node.setAttribute('aria-setsize', String(row.size));
  if (row.expandable) {
    node.setAttribute('aria-expanded', String(row.expanded));
  } else {
    node.removeAttribute('aria-expanded');
  }
  node.style.paddingInlineStart = `${6 + (row.level - 1) * 14}px`;
  const parts = [
    part('aca-row-twist', row.expandable ? (row.expanded ? '▾' : '▸') : ''),
    ...(row.dot === '' ? [] : [part(`aca-row-dot aca-dot-${row.dot}`, MARKS[row.dot] ?? '')]),
    part('aca-row-label', row.label),
    part('aca-row-detail', row.detail),
    ...(hasMenu(row) ? [part('aca-row-more', '⋯')] : [])
  ];
  node.replaceChildren(...parts);
}

/** Whether something can be done with a row. */
export function hasMenu(row: Row): boolean {
  return row.kind === 'app' || row.kind === 'revision' || row.kind === 'session';
}

/** A piece of a row; the row's own label says all of it, so readers skip the pieces. */
function part(name: string, text: string): HTMLElement {
  const made = document.createElement('span');
  made.className = name;
  made.textContent = text;
  made.setAttribute('aria-hidden', 'true');
  return made;
}

function same(one: Row, other: Row): boolean {
  return (
    one.words === other.words &&
    one.detail === other.detail &&
    one.dot === other.dot &&
    one.expanded === other.expanded &&
    one.expandable === other.expandable &&
    one.position === other.position &&
    one.size === other.size
  );
}

function elementId(id: string): string {
  return `aca-row-${id.replace(/[^\w-]/g, character => `_${character.charCodeAt(0)}_`)}`;
}
