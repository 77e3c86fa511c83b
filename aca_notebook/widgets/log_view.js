// A log that is followed, in the page: bounded lines, rows only for what is in sight, text never read as HTML.
// The kernel sends lines in custom messages, which no front end saves; nothing of them is in the widget's state.

const MOST_LINES = 100_000;
const ROW_PIXELS = 18;
const SPARE_ROWS = 12; // above and below what is in sight
const MOST_SHOWN = 4_000; // characters of one line; a download has them all
const LEVELS = ["", "debug", "info", "warning", "error", "critical"];
const MARKS = ["", "", "", "!", "✕", "✕"];

// ---------------------------------------------------------------- text

const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])|\x1b/g;
const COLOURS = /\x1b\[([0-9;:]*)m/g;
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f]/g;
const STEPS = [0, 95, 135, 175, 215, 255];

/** The text without escape sequences; of what a carriage return wrote over, the last. */
export function plainText(text) {
  const last = text.includes("\r") ? text.replace(/\r+$/, "").split("\r").pop() : text;
  return last.replace(ESCAPES, "").replace(CONTROLS, (c) => (c === "\x7f" ? "\u2421" : String.fromCharCode(0x2400 + c.charCodeAt(0))));
}

/** The text in runs of one look each: [{text, classes, colour, background}]. */
export function styledRuns(text) {
  const last = text.includes("\r") ? text.replace(/\r+$/, "").split("\r").pop() : text;
  if (!last.includes("\x1b")) return [{ text: plainText(last), classes: [] }];
  const runs = [];
  let look = {};
  let from = 0;
  const push = (until) => {
    const piece = plainText(last.slice(from, until));
    if (piece) runs.push({ text: piece, ...worn(look) });
  };
  for (const found of last.matchAll(COLOURS)) {
    push(found.index);
    look = changed(look, found[1]);
    from = found.index + found[0].length;
  }
  push(last.length);
  return runs;
}

function changed(look, codes) {
  const next = { ...look };
  const left = codes.split(/[;:]/).map(Number);
  while (left.length) {
    const code = left.shift();
    if (code === 0) for (const name of Object.keys(next)) delete next[name];
    else if (code === 1) next.bold = true;
    else if (code === 2) next.faint = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 22) delete next.bold, delete next.faint;
    else if (code === 23) delete next.italic;
    else if (code === 24) delete next.underline;
    else if (code >= 30 && code <= 37) next.colour = code - 30;
    else if (code >= 90 && code <= 97) next.colour = code - 82;
    else if (code === 39) delete next.colour;
    else if (code >= 40 && code <= 47) next.background = code - 40;
    else if (code >= 100 && code <= 107) next.background = code - 92;
    else if (code === 49) delete next.background;
    else if (code === 38 || code === 48) next[code === 38 ? "colour" : "background"] = extended(left);
  }
  return next;
}

function extended(left) {
  const form = left.shift();
  if (form === 2) return rgb(left.splice(0, 3));
  if (form !== 5) return undefined;
  const index = left.shift() & 255;
  if (index < 16) return index;
  if (index >= 232) return rgb(Array(3).fill(8 + 10 * (index - 232)));
  const cube = index - 16;
  return rgb([STEPS[Math.floor(cube / 36)], STEPS[Math.floor(cube / 6) % 6], STEPS[cube % 6]]);
}

const rgb = (parts) => `rgb(${parts.map((part) => Math.min(255, part | 0)).join(",")})`;

function worn(look) {
  const classes = ["bold", "faint", "italic", "underline"].filter((name) => look[name]).map((name) => `aca-ansi-${name}`);
  if (typeof look.colour === "number") classes.push(`aca-ansi-fg-${look.colour}`);
  if (typeof look.background === "number") classes.push(`aca-ansi-bg-${look.background}`);
  return {
    classes,
    colour: typeof look.colour === "string" ? look.colour : "",
    background: typeof look.background === "string" ? look.background : "",
  };
}

const two = (number) => String(number).padStart(2, "0");

function clockTime(micros) {
  const at = new Date(micros / 1000);
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
}

const counted = (number) => number.toLocaleString("en-US");
const amount = (number) => `${counted(number)} line${number === 1 ? "" : "s"}`;

// ---------------------------------------------------------------- what has come

/** The lines of one log, at most MOST_LINES; it knows how many it let go and tells its listeners what came. */
export class Lines {
  constructor() {
    this.listeners = new Set();
    this.begin({});
  }

  begin({ app = "", missed = 0 }) {
    this.app = app;
    this.kept = [];
    this.first = 0; // the number of kept[0]
    this.missed = missed; // lines that were gone before the page could have them
    this.replicas = new Map();
    this.running = true;
    this.failure = "";
    this.tell("begin");
  }

  add(records, missed = 0) {
    this.missed += missed;
    const start = this.first + this.kept.length;
    for (const [at, level, replica, text, raw] of records) {
      if (!this.replicas.has(replica)) this.replicas.set(replica, this.replicas.size);
      const plain = /[\x00-\x1f\x7f]/.test(text) ? plainText(text) : text;
      this.kept.push({ at, level, replica: this.replicas.get(replica), text, plain, raw });
    }
    const over = this.kept.length - MOST_LINES;
    if (over > 0) this.first += this.kept.splice(0, over).length;
    this.tell("lines", start);
  }

  end(failure) {
    this.running = false;
    this.failure = failure;
    this.tell("end");
  }

  get came() {
    return this.first + this.kept.length;
  }

  get gone() {
    return this.first + this.missed;
  }

  at(number) {
    return this.kept[number - this.first];
  }

  replicaName(index) {
    return [...this.replicas.keys()][index] ?? "";
  }

  tell(...what) {
    for (const listener of this.listeners) listener(...what);
  }
}

/** Which lines somebody wants: text, or /a regular expression/, in any case; the least level; one replica. */
export function wanted({ text = "", level = 0, replica = -1 }) {
  const found = text.match(/^\/(.+)\/$/);
  const pattern = found ? new RegExp(found[1], "i") : null;
  const plain = text.toLowerCase();
  return (line) =>
    (level === 0 || line.level >= level) &&
    (replica < 0 || line.replica === replica) &&
    (pattern ? pattern.test(line.plain) : plain === "" || line.plain.toLowerCase().includes(plain));
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

/** Take the kernel's messages one after the other, in the order they came in. */
function listenTo(model, log) {
  let turn = Promise.resolve();
  const take = async (content, buffers) => {
    if (content.kind === "begin") log.begin(content);
    else if (content.kind === "lines") {
      log.add(await inflated(buffers[0]), content.missed);
      model.send({ kind: "had" });
    }
    else if (content.kind === "end") log.end(content.failure);
  };
  const onMessage = (content, buffers) => {
    turn = turn.then(() => take(content, buffers)).catch((failed) => console.error("log view:", failed));
  };
  model.on("msg:custom", onMessage);
  model.send({ kind: "here" });
  return () => model.off("msg:custom", onMessage);
}

// ---------------------------------------------------------------- what is seen

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

class LogTable {
  constructor(log, model, el) {
    this.log = log;
    this.model = model;
    this.shown = []; // numbers of lines
    this.passes = () => true;
    this.follow = true;
    this.pausedAt = -1; // how many lines there were when it was paused
    this.rows = new Map();
    this.widest = 0;
    this.build(el);
    this.onChange = (what, start) => this.changed(what, start);
    log.listeners.add(this.onChange);
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.scroller);
    this.filterAll();
  }

  dispose() {
    this.log.listeners.delete(this.onChange);
    this.resized.disconnect();
    cancelAnimationFrame(this.frame);
  }

  build(el) {
    this.filter = element("input", { type: "search", placeholder: "filter, or /regex/", ariaLabel: "Filter lines", spellcheck: false });
    this.level = element("select", { ariaLabel: "Least level" }, new Option("all levels", "0"),
      ...LEVELS.slice(1).map((name, index) => new Option(`${name} and up`, String(index + 1))));
    this.replica = element("select", { ariaLabel: "Replica", hidden: true }, new Option("all replicas", "-1"));
    this.followButton = this.button("Follow", "Keep the newest line in sight", () => this.setFollow(!this.follow));
    this.pauseButton = this.button("Pause", "Hold the view still; lines go on coming", () => this.togglePause());
    this.stopButton = this.button("Stop", "End the stream; what has come stays", () => this.model.send({ kind: "stop" }));
    this.saveButton = this.button("Download", "Save the lines that pass the filter as a text file", () => this.download());
    this.state = element("span", { class: "aca-log-state", role: "status" });
    this.count = element("span", { class: "aca-log-count" });
    const bar = element("div", { class: "aca-log-bar", role: "toolbar", ariaLabel: "Log" }, this.filter, this.level,
      this.replica, this.followButton, this.pauseButton, this.saveButton, this.stopButton);
    this.body = element("div", { class: "aca-log-rows" });
    this.sizer = element("div", { class: "aca-log-sizer" }, this.body);
    this.scroller = element("div", { class: "aca-log-scroller", role: "log", ariaLive: "off", tabIndex: 0, ariaLabel: "Lines" }, this.sizer);
    this.root = element("div", { class: "aca-log-view", "data-lm-suppress-shortcuts": "true" }, bar, this.scroller,
      element("div", { class: "aca-log-foot" }, this.state, this.count));
    el.replaceChildren(this.root);
    this.listen();
  }

  button(text, title, act) {
    const made = element("button", { type: "button", title }, text);
    made.addEventListener("click", act);
    return made;
  }

  listen() {
    let soon = 0;
    this.filter.addEventListener("input", () => {
      clearTimeout(soon);
      soon = setTimeout(() => this.filterAll(), 120);
    });
    for (const choice of [this.level, this.replica]) choice.addEventListener("change", () => this.filterAll());
    this.scroller.addEventListener("scroll", () => this.onScroll(), { passive: true });
    // Keys typed here are no commands of the notebook around.
    this.root.addEventListener("keydown", (event) => {
      event.stopPropagation();
      this.onKey(event);
    });
  }

  onKey(event) {
    if (event.target === this.filter && event.key === "Escape") {
      this.filter.value = "";
      this.filterAll();
    } else if (event.target === this.scroller && event.key === "/") {
      event.preventDefault();
      this.filter.focus();
    } else if (event.target === this.scroller && event.key === "End") {
      event.preventDefault();
      this.setFollow(true);
    }
  }

  onScroll() {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    if (scrollTop < this.top - 1) this.follow = false;
    else if (scrollTop + clientHeight >= scrollHeight - ROW_PIXELS) this.follow = true;
    this.top = scrollTop;
    this.draw();
  }

  setFollow(follow) {
    this.follow = follow;
    this.draw();
  }

  togglePause() {
    const paused = this.pausedAt >= 0;
    const held = this.pausedAt;
    this.pausedAt = paused ? -1 : this.log.came;
    if (paused) this.changed("lines", held);
    else this.draw();
  }

  filterAll() {
    const { log } = this;
    let passes;
    try {
      passes = wanted({ text: this.filter.value, level: Number(this.level.value), replica: Number(this.replica.value) });
    } catch (wrong) {
      this.filter.setAttribute("aria-invalid", "true");
      this.filter.title = wrong.message;
      return;
    }
    this.filter.removeAttribute("aria-invalid");
    this.filter.title = "";
    this.passes = passes;
    this.shown = [];
    this.widest = 0;
    this.take(log.first, this.pausedAt >= 0 ? this.pausedAt : log.came);
    this.clear();
    this.draw();
  }

  changed(what, start) {
    if (what === "begin") {
      this.pausedAt = -1;
      this.shown = [];
      this.replica.replaceChildren(this.replica.options[0]);
      this.clear();
    }
    if (what === "lines" && this.pausedAt < 0) {
      this.take(start, this.log.came);
      if (this.replica.options.length !== this.log.replicas.size + 1) this.offerReplicas();
    }
    if (what === "lines") this.forget();
    this.draw();
  }

  take(from, until) {
    const { log, passes, shown } = this;
    for (let number = Math.max(from, log.first); number < until; number++) {
      const line = log.at(number);
      if (!passes(line)) continue;
      shown.push(number);
      if (line.plain.length > this.widest) this.widest = line.plain.length;
    }
  }

  /** Let go of what the log let go of; what is in sight stays where it is. */
  forget() {
    let gone = 0;
    while (gone < this.shown.length && this.shown[gone] < this.log.first) gone++;
    if (!gone) return;
    this.shown.splice(0, gone);
    if (!this.follow || this.pausedAt >= 0) {
      this.size();
      this.scroller.scrollTop = this.top = Math.max(0, this.scroller.scrollTop - gone * ROW_PIXELS);
    }
  }

  offerReplicas() {
    const { replica, log } = this;
    for (let index = replica.options.length - 1; index < log.replicas.size; index++) {
      replica.append(new Option(log.replicaName(index) || "(none)", String(index)));
    }
    replica.hidden = log.replicas.size < 2;
    if (log.replicas.size === 2) this.clear(); // from now on rows say whose they are
  }

  clear() {
    this.rows.clear();
    this.body.replaceChildren();
  }

  draw() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.drawNow();
    });
  }

  size() {
    this.sizer.style.height = `${this.shown.length * ROW_PIXELS}px`;
    this.sizer.style.minWidth = `${Math.min(this.widest, MOST_SHOWN) + 24}ch`;
  }

  drawNow() {
    this.size();
    const { scroller, shown } = this;
    if (this.follow && this.pausedAt < 0) scroller.scrollTop = scroller.scrollHeight;
    this.top = scroller.scrollTop;
    const first = Math.max(0, Math.floor(this.top / ROW_PIXELS) - SPARE_ROWS);
    const last = Math.min(shown.length, Math.ceil((this.top + scroller.clientHeight) / ROW_PIXELS) + SPARE_ROWS);
    this.place(first, last);
    this.say();
  }

  /** Have rows for shown[first] to shown[last - 1] and no others; a row that stays is not touched. */
  place(first, last) {
    const { body, rows, shown } = this;
    body.style.transform = `translateY(${first * ROW_PIXELS}px)`;
    const stay = new Set(shown.slice(first, last));
    for (const [number, row] of rows) {
      if (stay.has(number)) continue;
      row.remove();
      rows.delete(number);
    }
    let next = body.firstChild;
    for (const number of stay) {
      let row = rows.get(number);
      if (row && row === next) {
        next = next.nextSibling;
        continue;
      }
      row ??= this.row(this.log.at(number));
      rows.set(number, row);
      body.insertBefore(row, next);
    }
  }

  row(line) {
    const made = element("div", { class: `aca-lv-row aca-log-${LEVELS[line.level] || "plain"}` });
    made.append(element("span", { class: "aca-log-mark", title: LEVELS[line.level] }, MARKS[line.level]));
    if (line.at !== null) {
      const moment = new Date(line.at / 1000).toISOString();
      made.append(element("time", { title: moment }, clockTime(line.at)));
    }
    if (this.log.replicas.size > 1) {
      const name = this.log.replicaName(line.replica);
      made.append(element("span", { class: `aca-log-replica aca-log-replica-${line.replica % 8}`, title: name }, name.slice(-5)));
    }
    const text = element("span", { class: "aca-log-text" });
    const shown = line.text.length > MOST_SHOWN ? line.text.slice(0, MOST_SHOWN) : line.text;
    for (const run of styledRuns(shown)) {
      const piece = element("span", { class: run.classes.join(" ") }, run.text);
      if (run.colour) piece.style.color = run.colour;
      if (run.background) piece.style.backgroundColor = run.background;
      text.append(piece);
    }
    if (line.text.length > MOST_SHOWN) text.append(` … ${counted(line.text.length - MOST_SHOWN)} more characters`);
    made.append(text);
    return made;
  }

  say() {
    const { log, shown } = this;
    const paused = this.pausedAt >= 0;
    const waiting = paused ? log.came - this.pausedAt : 0;
    const all = log.kept.length - Math.min(waiting, log.kept.length);
    const parts = [shown.length === all ? amount(all) : `${counted(shown.length)} of ${amount(all)}`];
    if (log.gone) parts.push(`${counted(log.gone)} older not kept here`);
    this.write(this.count, parts.join(" · "));
    const state = log.failure ? `ended: ${log.failure}` : !log.running ? "ended" : paused ? "paused" : this.follow ? "following" : "scrolled up";
    this.write(this.state, state);
    this.write(this.pauseButton, paused ? (waiting ? `Resume (${counted(waiting)} new)` : "Resume") : "Pause");
    this.followButton.setAttribute("aria-pressed", String(this.follow && !paused));
    this.pauseButton.setAttribute("aria-pressed", String(paused));
    this.stopButton.disabled = !log.running;
    this.root.classList.toggle("aca-lv-on", log.app !== "");
    this.root.dataset.ended = String(!log.running);
  }

  write(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  text() {
    const several = this.log.replicas.size > 1;
    return this.shown.map((number) => {
      const line = this.log.at(number);
      const moment = line.at === null ? "" : `${new Date(line.at / 1000).toISOString()} `;
      return `${moment}${several ? `${this.log.replicaName(line.replica)} ` : ""}${line.raw ?? line.text}\n`;
    });
  }

  download() {
    const url = URL.createObjectURL(new Blob(this.text(), { type: "text/plain" }));
    element("a", { href: url, download: `${this.log.app || "log"}.log` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }
}

export default () => {
  const log = new Lines();
  let views = 0;
  let gone = false;
  return {
    initialize: ({ model }) => listenTo(model, log),
    render: ({ model, el }) => {
      const table = new LogTable(log, model, el);
      views += 1;
      if (gone) model.send({ kind: "here" });
      gone = false;
      return () => {
        table.dispose();
        views -= 1;
        gone = views === 0;
        if (gone) model.send({ kind: "gone" }); // its cell was run again, or its output cleared
      };
    },
  };
};
