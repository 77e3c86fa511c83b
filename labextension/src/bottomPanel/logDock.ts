import type { Message } from '@lumino/messaging';
import { Poll } from '@lumino/polling';
import { Widget } from '@lumino/widgets';

import { logsIcon } from '../icons';
import type { Client, LogLine } from '../protocol';
import { problemOf } from '../request';
import type { Reading } from './lines';
import { clockTime, matches, NOTHING_READ, readOn } from './lines';
import { sayOnce } from './saying';

const SOON_MS = 1_000;
/** A log that has ended is asked for again: its app may be started again. */
const ENDED_MS = 10_000;
const SLOWEST_MS = 30_000;

/** An app's log, followed in a tab below: it asks while it is seen. */
export class LogDock extends Widget {
  private reading: Reading = NOTHING_READ;
  private source: 'console' | 'system' = 'console';
  private readonly poll: Poll;
  private readonly rows = element('div', 'aca-log-rows');
  private readonly status = element('span', 'aca-dock-status');
  private readonly filter = document.createElement('input');

  constructor(
    readonly app: string,
    private readonly client: Client
  ) {
    super();
    this.id = `aca-notebook-logs-${app}`;
    this.addClass('aca-dock');
    this.title.label = `${app} log`;
    this.title.caption = `The log of ${app}`;
    this.title.icon = logsIcon;
    this.title.closable = true;
    this.node.append(this.bar(), this.rows);
    this.rows.setAttribute('role', 'log');
    this.rows.setAttribute('aria-label', `log of ${app}`);
    this.rows.setAttribute('aria-live', 'off'); // a log says hundreds of lines: they are read by who goes there
    this.rows.tabIndex = 0;
    this.status.setAttribute('role', 'status');
    this.poll = new Poll({
      name: `aca-notebook:logs:${app}`,
      auto: false,
      factory: () => this.ask(),
      frequency: { interval: SOON_MS, max: SLOWEST_MS, backoff: true },
      standby: () => !this.isVisible || document.hidden
    });
  }

  override dispose(): void {
    this.poll.dispose();
    super.dispose();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    void this.poll.start();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    void this.poll.start();
    void this.poll.refresh();
  }

  private async ask(): Promise<void> {
    const { source, reading } = this;
    try {
      const page = await this.client.logs(this.app, { from: reading.next, source });
      if (source !== this.source || this.isDisposed) {
        return; // the person looked elsewhere meanwhile
      }
      this.reading = readOn(reading, page);
      this.poll.frequency = { ...this.poll.frequency, interval: page.ended ? ENDED_MS : SOON_MS };
      if (page.begun) {
        this.rows.replaceChildren();
      }
      this.append(page.lines);
      this.say(page.problem?.message ?? '');
    } catch (error) {
      this.say(problemOf(error).message);
      throw error;
    }
  }

  private append(lines: readonly LogLine[]): void {
    const { rows } = this;
    const atEnd = rows.scrollHeight - rows.scrollTop - rows.clientHeight < 24;
    rows.append(...lines.map(line => this.row(line)));
    for (let over = rows.childElementCount - this.reading.lines.length; over > 0; over -= 1) {
      rows.firstElementChild?.remove();
    }
    if (atEnd && lines.length > 0) {
      rows.scrollTop = rows.scrollHeight;
    }
  }

  private row(line: LogLine): HTMLElement {
    const row = element('div', 'aca-log-row');
    row.dataset.level = line.level.toLowerCase();
    row.hidden = !matches(line, this.filter.value);
    row.append(element('time', 'aca-log-time', clockTime(line.at)), element('span', 'aca-log-text', line.text));
    row.title = [line.at ?? '', line.revision, line.replica].filter(word => word !== '').join(' · ');
    return row;
  }

  private say(problem: string): void {
    const { ended, missed } = this.reading;
    const words = [problem, ended ? 'ended' : 'following', missed > 0 ? `${missed} earlier lines left out` : ''];
    sayOnce(this.status, words.filter(word => word !== '').join(' · '));
  }

  private bar(): HTMLElement {
    const bar = element('div', 'aca-dock-bar');
    const source = document.createElement('select');
    source.append(new Option('console', 'console'), new Option('system', 'system'));
    source.setAttribute('aria-label', 'Which log');
    source.addEventListener('change', () => {
      this.source = source.value === 'system' ? 'system' : 'console';
      this.reading = NOTHING_READ;
      this.rows.replaceChildren();
      void this.poll.refresh();
    });
    this.filter.type = 'search';
    this.filter.placeholder = 'Filter';
    this.filter.setAttribute('aria-label', 'Filter lines');
    this.filter.addEventListener('input', () => {
      this.rows.replaceChildren(...this.reading.lines.map(line => this.row(line)));
    });
    const same = element('code', 'aca-dock-line', `%aca logs ${this.app} --follow`);
    same.title = 'The same in a notebook';
    bar.append(source, this.filter, this.status, same);
    return bar;
  }
}

function element(tag: string, name: string, text = ''): HTMLElement {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}
