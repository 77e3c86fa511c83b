// The live view of an app's metrics. Each look that comes replaces the one before: nothing here grows.
// The kernel sends numbers in the units shown, moments in milliseconds, and ticks with their labels.

const HEIGHT = 128;
const EDGE = { left: 46, right: 10, top: 6, bottom: 18 };
const MARK_COLOURS = { revision: "#2c7bc2", scaling: "#727981" };

function element(tag, properties = {}, ...children) {
  const { class: classes = "", ...rest } = properties;
  const made = document.createElement(tag);
  made.className = classes;
  for (const [name, value] of Object.entries(rest)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const two = (number) => String(number).padStart(2, "0");

/** A moment in UTC, with its day where the axis spans more than one. */
export function momentText(millis, spanMillis) {
  const at = new Date(millis);
  const seconds = spanMillis <= 180e3 ? `:${two(at.getUTCSeconds())}` : "";
  const time = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}${seconds}`;
  return spanMillis > 26 * 3600e3 ? `${at.toISOString().slice(0, 10)} ${time}` : time;
}

/** A value with four digits, none of them needless. */
export function valueText(value) {
  if (value === null || value === undefined) return "–";
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(4)));
}

/** The place in `times` of the bucket that holds a moment, or -1. */
export function bucketAt(times, bucket, millis) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= millis) low = middle + 1;
    else high = middle;
  }
  const place = low - 1;
  return place >= 0 && millis < times[place] + bucket ? place : -1;
}

/** One panel: its header, its legend with the values at the cursor or the last ones, and a canvas. */
class PanelView {
  constructor(board) {
    this.board = board;
    this.title = element("b");
    this.unit = element("span", { class: "aca-board-unit" });
    this.legend = element("div", { class: "aca-board-legend" });
    this.canvas = element("canvas", { role: "img" });
    this.root = element("div", { class: "aca-board-panel" }, element("header", {}, this.title, this.unit), this.legend, this.canvas);
    this.canvas.addEventListener("pointermove", (event) => board.point(this.momentAt(event.offsetX)));
    this.canvas.addEventListener("pointerleave", () => board.point(null));
  }

  momentAt(x) {
    const [start, end] = this.board.look.span;
    const share = (x - EDGE.left) / (this.canvas.clientWidth - EDGE.left - EDGE.right);
    return share < 0 || share > 1 ? null : start + share * (end - start);
  }

  show(panel) {
    this.panel = panel;
    write(this.title, panel.title);
    this.title.title = panel.title;
    write(this.unit, panel.unit);
    this.draw();
  }

  draw() {
    const { canvas, panel } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    if (!width || !panel) return;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(HEIGHT * ratio)) canvas.height = Math.round(HEIGHT * ratio);
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, HEIGHT);
    this.pen = pen;
    this.width = width - EDGE.left - EDGE.right;
    this.top = panel.ticks.at(-1)[0] || 1;
    this.background();
    if (panel.stacked) this.stacks();
    else panel.series.forEach((series, place) => (panel.kind === "bars" ? this.bars(series, place) : this.line(series)));
    this.limit();
    this.cursor();
    this.say();
  }

  x(millis) {
    const [start, end] = this.board.look.span;
    return EDGE.left + (this.width * (millis - start)) / (end - start || 1);
  }

  y(value) {
    return EDGE.top + (HEIGHT - EDGE.top - EDGE.bottom) * (1 - value / this.top);
  }

  background() {
    const { pen, board, panel } = this;
    const { look, colours } = board;
    const base = HEIGHT - EDGE.bottom;
    pen.fillStyle = colours.shade;
    for (const [start, end] of look.idle) {
      const left = Math.max(this.x(start), EDGE.left);
      pen.fillRect(left, EDGE.top, Math.min(this.x(end), EDGE.left + this.width) - left, base - EDGE.top);
    }
    pen.font = `11px ${colours.font}`;
    pen.lineWidth = 1;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    for (const [value, label] of panel.ticks) {
      const y = Math.round(this.y(value)) + 0.5;
      this.stroke(colours.rule, [[EDGE.left, y], [EDGE.left + this.width, y]]);
      pen.fillStyle = colours.faint;
      pen.fillText(label, EDGE.left - 5, y);
    }
    pen.textAlign = "center";
    let free = 0;
    for (const [millis, label] of look.ticks) {
      const x = this.x(millis);
      const half = pen.measureText(label).width / 2;
      if (x - half < free || x + half > EDGE.left + this.width + EDGE.right) continue;
      pen.fillText(label, x, HEIGHT - 8);
      this.stroke(colours.rule, [[x, base], [x, base + 3]]);
      free = x + half + 8;
    }
    for (const [millis, kind, , steps] of look.marks) {
      const x = this.x(millis);
      if (x < EDGE.left || x > EDGE.left + this.width) continue;
      if (kind === "revision") {
        pen.setLineDash([2, 3]);
        this.stroke(MARK_COLOURS.revision, [[x, EDGE.top], [x, base]]);
        pen.setLineDash([]);
      } else {
        const tip = steps > 0 ? -6 : 0;
        pen.fillStyle = MARK_COLOURS.scaling;
        pen.beginPath();
        pen.moveTo(x - 4, base - 7 - tip);
        pen.lineTo(x + 4, base - 7 - tip);
        pen.lineTo(x, base - 1 + tip);
        pen.fill();
      }
    }
  }

  stroke(colour, points, width = 1) {
    const { pen } = this;
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    points.forEach(([x, y], place) => (place ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.stroke();
  }

  /** The stretches without a gap, as points on the canvas. */
  runs(values) {
    const { times, bucket } = this.board.look;
    const step = this.panel.kind === "step";
    const runs = [];
    let run = null;
    values.forEach((value, place) => {
      if (value === null) {
        run = null;
        return;
      }
      if (!run) runs.push((run = []));
      const y = this.y(value);
      if (step) run.push([this.x(times[place]), y], [this.x(times[place] + bucket), y]);
      else run.push([this.x(times[place] + bucket / 2), y]);
    });
    return runs;
  }

  line(series) {
    const { pen, panel } = this;
    const base = this.y(0);
    pen.lineJoin = "round";
    for (const run of this.runs(series.values)) {
      if (panel.filled) {
        pen.globalAlpha = 0.16;
        pen.fillStyle = series.colour;
        pen.beginPath();
        pen.moveTo(run[0][0], base);
        for (const [x, y] of run) pen.lineTo(x, y);
        pen.lineTo(run.at(-1)[0], base);
        pen.fill();
        pen.globalAlpha = 1;
      }
      if (run.length > 1) {
        this.stroke(series.colour, run, 1.8);
      } else {
        pen.fillStyle = series.colour;
        pen.beginPath();
        pen.arc(run[0][0], run[0][1], 3, 0, 7);
        pen.fill();
      }
    }
  }

  bar(place, low, high, colour, offset = 0.1, share = 0.8) {
    const { times, bucket } = this.board.look;
    const left = this.x(times[place]);
    const whole = this.x(times[place] + bucket) - left;
    this.pen.fillStyle = colour;
    this.pen.fillRect(left + whole * offset, this.y(high), Math.max(whole * share, 1), Math.max(this.y(low) - this.y(high), high > low ? 0.5 : 0));
  }

  bars(series, place) {
    const share = 0.8 / this.panel.series.length;
    series.values.forEach((value, at) => value !== null && this.bar(at, 0, value, series.colour, 0.1 + share * place, share));
  }

  stacks() {
    const floors = new Float64Array(this.board.look.times.length);
    for (const series of this.panel.series) {
      series.values.forEach((value, place) => {
        if (!value) return;
        this.bar(place, floors[place], floors[place] + value, series.colour);
        floors[place] += value;
      });
    }
  }

  limit() {
    const { pen, panel, board } = this;
    if (!panel.limit) return;
    const [value, label, colour] = panel.limit;
    const y = this.y(value);
    pen.setLineDash([5, 3]);
    this.stroke(colour, [[EDGE.left, y], [EDGE.left + this.width, y]]);
    pen.setLineDash([]);
    pen.fillStyle = board.colours.faint;
    pen.textAlign = "left";
    pen.fillText(label, EDGE.left + 4, y < EDGE.top + 12 ? y + 8 : y - 7);
  }

  cursor() {
    const { pointed } = this.board;
    if (pointed === null) return;
    const x = this.x(pointed);
    this.stroke(this.board.colours.faint, [[x, EDGE.top], [x, HEIGHT - EDGE.bottom]]);
  }

  /** The values at the cursor, or the last ones, beside the names; and the whole in words for who cannot see it. */
  say() {
    const { board, panel } = this;
    const { look } = board;
    const place = board.pointed === null ? look.times.length - 1 : bucketAt(look.times, look.bucket, board.pointed);
    const parts = panel.series.map((series) => {
      const name = panel.series.length > 1 ? `${series.name} ` : "";
      return [series.colour, `${name}${valueText(series.values[place] ?? null)}`];
    });
    const words = parts.map(([, text]) => text).join(", ");
    if (this.legend.dataset.words !== words) {
      this.legend.dataset.words = words;
      this.legend.replaceChildren(...parts.map(([colour, text]) => {
        const dot = element("i");
        dot.style.background = colour;
        return element("span", {}, dot, text);
      }));
    }
    if (board.pointed === null) this.canvas.setAttribute("aria-label", `${panel.title}, ${panel.unit}: now ${words}`);
  }
}

class Board {
  constructor(model, el) {
    this.model = model;
    this.look = null;
    this.pointed = null;
    this.panels = [];
    this.title = element("strong");
    this.state = element("span", { class: "aca-board-state", role: "status" });
    this.stop = element("button", { type: "button", title: "End it; the picture of the last look stays" }, "Stop");
    this.stop.addEventListener("click", () => model.send({ kind: "stop" }));
    this.grid = element("div", { class: "aca-board-panels" });
    this.foot = element("div", { class: "aca-board-foot" });
    this.root = element("div", { class: "aca-dashboard", "data-lm-suppress-shortcuts": "true" },
      element("div", { class: "aca-board-head" }, this.title, this.state, this.stop), this.grid, this.foot);
    el.replaceChildren(this.root);
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.grid);
    this.themed = new MutationObserver(() => this.draw()); // JupyterLab says on the body which theme it has
    this.themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  }

  dispose() {
    this.resized.disconnect();
    this.themed.disconnect();
    cancelAnimationFrame(this.frame);
  }

  show(look) {
    this.look = look;
    write(this.title, look.title);
    this.stop.disabled = !look.running;
    while (this.panels.length > look.panels.length) this.panels.pop().root.remove();
    while (this.panels.length < look.panels.length) {
      const made = new PanelView(this);
      this.panels.push(made);
      this.grid.append(made.root);
    }
    this.root.classList.toggle("aca-lv-on", look.panels.length > 0 && look.running);
    this.draw();
  }

  point(millis) {
    this.pointed = millis;
    this.draw();
  }

  draw() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.drawNow();
    });
  }

  drawNow() {
    const { look } = this;
    if (!look) return;
    const style = getComputedStyle(this.root);
    this.colours = {
      rule: style.getPropertyValue("--aca-rule"), shade: style.getPropertyValue("--aca-shade"),
      faint: style.getPropertyValue("--aca-faint"), font: style.fontFamily,
    };
    look.panels.forEach((panel, place) => this.panels[place].show(panel));
    this.say();
  }

  say() {
    const { look, pointed } = this;
    const span = look.span[1] - look.span[0];
    write(this.state, pointed === null ? look.state : `${momentText(pointed, span)} UTC`);
    const near = pointed === null ? [] : look.marks.filter(([at]) => Math.abs(at - pointed) < span / 100);
    const key = [
      look.marks.some(([, kind]) => kind === "revision") ? "┆ new revision" : "",
      look.marks.some(([, kind]) => kind === "scaling") ? "▴▾ scaled" : "",
      look.idle.length ? "grey: idle" : "",
      look.note,
    ].filter(Boolean).join(" · ");
    write(this.foot, near.length ? near.map(([at, , label]) => `${momentText(at, span)} ${label}`).join(", ") : key);
  }
}

export default () => {
  let latest = null;
  const boards = new Set();
  return {
    initialize: ({ model }) => {
      const take = (content) => {
        if (content.kind !== "look") return;
        latest = content;
        for (const board of boards) board.show(content);
      };
      model.on("msg:custom", take);
      model.send({ kind: "here" });
      return () => model.off("msg:custom", take);
    },
    render: ({ model, el }) => {
      const board = new Board(model, el);
      boards.add(board);
      if (latest) board.show(latest);
      return () => {
        boards.delete(board);
        board.dispose();
      };
    },
  };
};
