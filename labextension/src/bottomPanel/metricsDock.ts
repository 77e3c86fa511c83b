import type { Message } from '@lumino/messaging';
import { Poll } from '@lumino/polling';
import { Widget } from '@lumino/widgets';

import { metricsIcon } from '../icons';
import type { Client, Metrics, Series } from '../protocol';
import { problemOf } from '../request';
import type { Span } from './drawing';
import { amount, describe, spanOf, strokes } from './drawing';
import { sayOnce } from './saying';

const INTERVAL_MS = 5_000;
const SLOWEST_MS = 60_000;
const WIDTH = 240;
const HEIGHT = 48;
const SVG = 'http://www.w3.org/2000/svg';

/** What an app uses and answers, drawn in a tab below: it asks while it is seen. */
export class MetricsDock extends Widget {
  private minutes = 30;
  private readonly poll: Poll;
  private readonly charts = document.createElement('div');
  private readonly status = document.createElement('span');

  constructor(
    readonly app: string,
    private readonly client: Client
  ) {
    super();
    this.id = `aca-notebook-metrics-${app}`;
    this.addClass('aca-dock');
    this.title.label = `${app} metrics`;
    this.title.caption = `Requests and use of ${app}`;
    this.title.icon = metricsIcon;
    this.title.closable = true;
    this.charts.className = 'aca-charts';
    this.status.className = 'aca-dock-status';
    this.status.setAttribute('role', 'status');
    this.node.append(this.bar(), this.charts);
    this.poll = new Poll({
      name: `aca-notebook:metrics:${app}`,
      auto: false,
      factory: () => this.ask(),
      frequency: { interval: INTERVAL_MS, max: SLOWEST_MS, backoff: true },
      standby: () => !this.isVisible || document.hidden
    });
  }

  override dispose(): void {
    this.poll.dispose();
    super.dispose();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    void this.poll.start();
    void this.poll.refresh();
  }

  private async ask(): Promise<void> {
    try {
      this.draw(await this.client.metrics(this.app, { minutes: this.minutes }));
    } catch (error) {
      sayOnce(this.status, problemOf(error).message);
      throw error;
    }
  }

  private draw(metrics: Metrics): void {
    if (this.isDisposed) {
      return;
    }
    sayOnce(this.status, metrics.note);
    const span = spanOf(metrics, this.minutes);
    this.charts.replaceChildren(...metrics.series.map(series => chart(series, metrics.at, span)));
  }

  private bar(): HTMLElement {
    const bar = document.createElement('div');
    bar.className = 'aca-dock-bar';
    const span = document.createElement('select');
    span.append(new Option('last 30 minutes', '30'), new Option('last 2 hours', '120'), new Option('last day', '1440'));
    span.setAttribute('aria-label', 'How far back');
    span.addEventListener('change', () => {
      this.minutes = Number(span.value);
      void this.poll.refresh();
    });
    const same = document.createElement('code');
    same.className = 'aca-dock-line';
    same.textContent = `%aca metrics ${this.app} --live`;
    same.title = 'The same in a notebook';
    bar.append(span, this.status, same);
    return bar;
  }
}

/** One small chart: its name, its last value, its line. */
function chart(series: Series, at: readonly number[], span: Span): HTMLElement {
  const figure = document.createElement('figure');
  const caption = document.createElement('figcaption');
  const name = document.createElement('span');
  const now = document.createElement('b');
  const last = series.values.filter(value => value !== null).at(-1);
  name.textContent = series.label;
  now.textContent = last === undefined ? 'not measured' : amount(last, series.unit);
  caption.append(name, now);
  const drawing = document.createElementNS(SVG, 'svg');
  drawing.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  drawing.setAttribute('preserveAspectRatio', 'none');
  drawing.setAttribute('role', 'img');
  drawing.setAttribute('aria-label', describe(series));
  for (const points of strokes(at, series.values, span, WIDTH, HEIGHT)) {
    const [first = ''] = points.split(',');
    const last = points.slice(points.lastIndexOf(' ') + 1).split(',')[0] ?? '';
    drawing.append(
      shape('polygon', `${points} ${last},${HEIGHT} ${first},${HEIGHT}`),
      shape('polyline', points)
    );
  }
  figure.append(caption, drawing);
  return figure;
}

function shape(name: 'polygon' | 'polyline', points: string): SVGElement {
  const made = document.createElementNS(SVG, name);
  made.setAttribute('points', points);
  return made;
}
