// The page's side of a session's console. What the session wrote is put in as text; HTML comes ready to stand in a page.

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function button(label, act) {
  const made = element("button", "", label);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

function size(bytes) {
  return bytes < 1024 ? `${bytes} bytes` : bytes < 2 ** 20 ? `${Math.round(bytes / 1024)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

class Console {
  constructor(model, root) {
    this.model = model;
    this.history = [];
    this.place = 0;
    this.cells = new Map();
    root.classList.add("aca-console");
    const head = element("header");
    this.title = element("strong", "", "session");
    this.where = element("span");
    head.append(this.title, this.where);
    this.list = element("div", "aca-console-cells");
    this.list.setAttribute("role", "log");
    this.list.setAttribute("aria-label", "Outputs");
    this.input = element("textarea");
    this.input.setAttribute("aria-label", "Code");
    this.input.placeholder = "Shift+Enter runs, Alt+Up and Alt+Down go through the history";
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.runs = button("Run", () => this.run());
    this.stops = button("Interrupt", () => model.send({ kind: "interrupt" }));
    this.files = element("div", "aca-console-files");
    const bar = element("div");
    bar.append(this.runs, this.stops, button("Files", () => model.send({ kind: "files" })));
    root.append(head, this.list, this.input, bar, this.files);
    this.busy(false);
  }

  key(event) {
    if (event.key === "Enter" && event.shiftKey) {
      event.preventDefault();
      this.run();
    } else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      const step = event.key === "ArrowUp" ? -1 : 1;
      this.place = Math.min(Math.max(this.place + step, 0), this.history.length);
      this.input.value = this.history[this.place] ?? "";
    }
    event.stopPropagation(); // the notebook has shortcuts of its own
  }

  run() {
    const code = this.input.value;
    if (!code.trim() || this.runs.disabled) return;
    this.model.send({ kind: "run", code });
    this.input.value = "";
  }

  busy(whether) {
    this.runs.disabled = whether;
    this.stops.disabled = !whether;
  }

  receive(message) {
    const act = {
      session: () => this.greet(message), cell: () => this.begin(message), files: () => this.show(message.files),
      ended: () => this.end(message), clear: () => this.outputs(message).replaceChildren(),
    }[message.kind];
    if (act) act();
    else this.put(message);
    this.list.scrollTop = this.list.scrollHeight;
  }

  greet({ name, place }) {
    this.title.textContent = `session ${name}`;
    this.where.textContent = place;
    this.list.replaceChildren();
    this.cells.clear();
    this.history = [];
  }

  begin({ cell, code }) {
    const outputs = element("div");
    this.cells.set(cell, outputs);
    this.list.append(element("pre", "aca-console-code", code), outputs);
    this.history.push(code);
    this.place = this.history.length;
    this.busy(true);
  }

  outputs({ cell }) {
    return this.cells.get(cell) ?? this.list;
  }

  put(message) {
    const outputs = this.outputs(message);
    if (message.kind === "text") {
      const last = outputs.lastElementChild;
      const name = `aca-console-${message.stream}`;
      if (last && last.className === name) last.textContent += message.text;
      else outputs.append(element("pre", name, message.text));
    } else if (message.kind === "picture") {
      const picture = element("img");
      picture.src = message.source;
      picture.alt = message.text;
      outputs.append(picture);
    } else if (message.kind === "html") {
      const made = element("div");
      made.innerHTML = message.html; // written anew or sandboxed by the kernel's side (display.session_html)
      outputs.append(made);
    }
  }

  end({ cell, error }) {
    if (error) this.outputs({ cell }).append(element("pre", "aca-console-error", error));
    this.busy(false);
  }

  show(files) {
    const words = files.map(({ path, bytes }) => `${path} (${size(bytes)})`);
    this.files.textContent = words.length ? `files: ${words.join(", ")}` : "no files";
  }
}

export default () => ({
  initialize({ model }) {
    model.send({ kind: "here" });
  },
  render({ model, el }) {
    const shown = new Console(model, el);
    const receive = (message) => shown.receive(message);
    model.on("msg:custom", receive);
    model.send({ kind: "view" }); // it hears from now on: it is told all there is
    return () => model.off("msg:custom", receive);
  },
});
