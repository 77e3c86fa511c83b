// What stands under the card of a deployment as long as its kernel lives: meter, address, end, and a form that calls.
// The kernel makes every call; the page knows neither the app's key nor its port.

function until(moment) {
  const minutes = Math.round((moment - Date.now()) / 60_000);
  if (minutes < 0) return "its time is over";
  if (minutes < 60) return `in ${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `in ${hours} h ${minutes % 60} min` : `in ${Math.round(hours / 24)} days`;
}

let fieldNumber = 0;

// One parameter: a label, and what it is typed into.
function fieldOf({ name, kind, required, typed, meant, choices }) {
  const id = `aca-lv-id-${(fieldNumber += 1)}`;
  let input;
  if (kind === "choice") {
    input = element("select", { id }, ...(required ? [] : [element("option", { value: "" }, "(default)")]),
      ...choices.map((each) => element("option", { value: each, selected: each === typed }, each)));
  } else if (kind === "switch") {
    input = element("input", { id, type: "checkbox", checked: typed === "true" });
  } else if (kind === "json") {
    input = element("textarea", { id, rows: 1, placeholder: required ? "JSON" : "JSON, or empty for the default" });
    input.value = typed;
  } else {
    input = element("input", { id, type: "text", inputmode: kind === "text" ? "text" : "decimal", placeholder: required ? "" : "default" });
    input.value = typed;
  }
  if (required && kind !== "switch") input.setAttribute("aria-required", "true");
  const label = element("label", { for: id }, name, element("span", { class: "aca-lv-faint" }, meant ? ` ${meant}` : ""));
  const read = () => (kind === "switch" ? String(input.checked) : input.value);
  return { name, input, read, root: element("div", { class: "aca-lv-field" }, label, input) };
}

class Deployed {
  constructor(model, root) {
    this.model = model;
    this.meter = new Meter("What this app costs");
    this.title = element("strong");
    this.state = element("span", { class: "aca-lv-faint aca-lv-right", role: "status" });
    this.address = element("div", { class: "aca-lv-line" });
    this.expiry = element("span");
    this.form = element("form", { class: "aca-lv-try", onsubmit: (event) => this.call(event), onkeydown: (event) => this.key(event) });
    this.fields = [];
    root.className = "aca-lv aca-lv-deployed";
    root.append(element("div", { class: "aca-lv-line" }, this.title, this.state), this.meter.root, this.address, this.form);
    this.root = root;
    this.turning = setInterval(() => this.sayExpiry(), 30_000);
  }

  receive(message) {
    ({ app: () => this.show(message), tick: () => this.tick(message), answer: () => this.answer(message) })[message.kind]?.();
  }

  show(message) {
    this.app = message;
    write(this.title, message.app);
    write(this.state, message.superseded ? "a later deployment took over" : "live");
    const link = element("a", { href: message.url, target: "_blank", rel: "noopener" }, message.url);
    this.address.replaceChildren(...(message.url ? [link, copyButton(() => message.url, "the address")] : []), this.expiry);
    this.sayExpiry();
    this.root.classList.toggle("aca-lv-on", !message.superseded);
    if (!this.fields.length && message.functions.length && !message.superseded) this.makeForm(message.functions);
    this.form.hidden = message.superseded || !message.functions.length;
  }

  tick(message) {
    this.meter.take(message);
    if (!message.ended) return;
    write(this.state, "ended");
    this.form.hidden = true;
    this.address.hidden = true;
  }

  sayExpiry() {
    const { expires, enforced } = this.app ?? {};
    if (expires === undefined) return;
    const note = enforced ? "" : " (not enforced there)";
    write(this.expiry, expires === null ? "never expires" : `expires ${until(expires)}${note}`);
  }

  makeForm(functions) {
    this.choice = element("select", { "aria-label": "Function", onchange: () => this.choose() },
      ...functions.map(({ name }) => element("option", { value: name }, name)));
    this.choice.hidden = functions.length < 2;
    this.places = element("div", { class: "aca-lv-fields" });
    this.send = element("button", { type: "submit" }, "Call");
    this.said = element("span", { class: "aca-lv-faint", role: "status" });
    this.line = element("code");
    this.copy = copyButton(() => this.line.textContent, "the call as Python");
    this.lineRow = element("div", { class: "aca-lv-line", hidden: true }, this.line, this.copy);
    this.result = element("pre", { hidden: true, tabindex: "0", "aria-label": "Answer" });
    this.form.append(
      element("div", { class: "aca-lv-line" }, element("span", { class: "aca-lv-faint" }, "try it"), this.choice),
      this.places, element("div", { class: "aca-lv-line" }, this.send, this.said), this.lineRow, this.result,
    );
    this.choose();
  }

  choose() {
    const chosen = this.app.functions.find(({ name }) => name === this.choice.value) ?? this.app.functions[0];
    this.chosen = chosen.name;
    this.fields = chosen.fields.map(fieldOf);
    this.places.replaceChildren(...this.fields.map(({ root }) => root));
  }

  // Notebooks have a meaning of their own for Enter, and take it before a form does.
  key(event) {
    event.stopPropagation();
    if (event.key === "Enter" && event.target.tagName === "INPUT") this.call(event);
  }

  call(event) {
    event.preventDefault();
    if (this.send.disabled) return;
    this.send.disabled = true;
    write(this.said, "calling …");
    const typed = Object.fromEntries(this.fields.map(({ name, read }) => [name, read()]));
    this.model.send({ kind: "call", function: this.chosen, typed });
  }

  answer({ text, failed, seconds, line }) {
    if (!this.send) return;
    this.send.disabled = false;
    write(this.said, seconds === null ? "" : `${failed ? "failed after" : "answered in"} ${seconds}`);
    write(this.line, line);
    this.lineRow.hidden = !line;
    write(this.result, text);
    this.result.className = failed ? "aca-lv-bad" : "";
    this.result.hidden = false;
  }

  dispose() {
    clearInterval(this.turning);
    this.meter.dispose();
  }
}

export default () => {
  const told = new Map(); // the last message of each kind: what a view that opens later is told
  const views = new Set();
  return {
    initialize: ({ model }) => {
      const take = (message) => {
        if (message.kind !== "answer") told.set(message.kind, message);
        for (const view of views) view.receive(message);
      };
      model.on("msg:custom", take);
      model.send({ kind: "here" });
      return () => model.off("msg:custom", take);
    },
    render: ({ model, el }) => {
      const view = new Deployed(model, el);
      views.add(view);
      for (const message of told.values()) view.receive(message);
      return () => {
        views.delete(view);
        view.dispose();
      };
    },
  };
};
