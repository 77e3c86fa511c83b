// A table in a page: sorted by a press on a heading, with buttons that ask before they act. The kernel does what they say.

function compare(one, other) {
  if (one === other) return 0;
  if (one === null) return 1; // what is not known comes last
  if (other === null) return -1;
  return typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other));
}

class LiveTable {
  constructor(model, root) {
    this.model = model;
    this.order = { place: -1, down: false };
    this.title = element("strong");
    this.state = element("span", { class: "aca-lv-faint aca-lv-right", role: "status" });
    this.head = element("tr");
    this.body = element("tbody");
    this.table = element("table", {}, element("thead", {}, this.head), this.body);
    this.note = element("div", { class: "aca-lv-faint" });
    this.foot = element("div", { class: "aca-lv-line" });
    this.error = element("pre", { class: "aca-lv-bad", role: "alert", hidden: true });
    root.className = "aca-lv aca-lv-on aca-lv-table";
    root.append(
      element("div", { class: "aca-lv-line" }, this.title, this.state),
      element("div", { class: "aca-lv-scroll" }, this.table), this.note, this.error, this.foot,
    );
  }

  receive(message) {
    if (message.kind === "busy") {
      write(this.state, message.text);
      for (const each of this.foot.querySelectorAll("button")) each.disabled = true;
      for (const each of this.body.querySelectorAll("button:not(.aca-lv-copy)")) each.disabled = true;
      return;
    }
    if (message.kind !== "table") return;
    this.shown = message;
    write(this.title, message.title);
    write(this.state, message.state);
    write(this.note, message.note);
    write(this.error, message.error);
    this.error.hidden = !message.error;
    this.table.setAttribute("aria-label", message.title);
    this.table.hidden = !message.rows.length;
    this.foot.replaceChildren(...message.actions.map((action) => this.actButton(action, "")));
    this.draw();
  }

  draw() {
    const { columns, rows } = this.shown;
    const focused = this.head.contains(document.activeElement) ? [...this.head.children].indexOf(document.activeElement.closest("th")) : -1;
    this.head.replaceChildren(...columns.map((column, place) => this.heading(column, place)), element("th", {}, element("span", { class: "aca-lv-hidden" }, "actions")));
    if (focused >= 0) this.head.children[focused]?.querySelector("button")?.focus();
    const { place, down } = this.order;
    const sorted = place < 0 ? rows : [...rows].sort((one, other) => {
      const found = compare(one.cells[place].order, other.cells[place].order);
      return down && one.cells[place].order !== null && other.cells[place].order !== null ? -found : found;
    });
    this.body.replaceChildren(...sorted.map((row) => this.row(row)));
  }

  heading({ name, right }, place) {
    const chosen = this.order.place === place;
    const sort = chosen ? (this.order.down ? "descending" : "ascending") : "none";
    const arrow = element("span", { "aria-hidden": "true" }, chosen ? (this.order.down ? " ↓" : " ↑") : "");
    const press = () => {
      this.order = { place, down: chosen && !this.order.down };
      this.draw();
    };
    const made = element("button", { type: "button", onclick: press, class: "aca-lv-heading" }, name, arrow);
    return element("th", { scope: "col", "aria-sort": sort, class: right ? "aca-lv-end" : "" }, name ? made : "");
  }

  row({ name, cells, actions }) {
    const made = cells.map(({ text, tone, link, copy, right }, place) => {
      const inner = link ? element("a", { href: link, target: "_blank", rel: "noopener" }, text)
        : element(copy ? "code" : "span", { class: tone ? `aca-lv-${tone}` : undefined }, text);
      const parts = copy && text ? [inner, " ", this.copyButton(text)] : [inner];
      return element(place === 0 ? "th" : "td", { scope: place === 0 ? "row" : undefined, class: right ? "aca-lv-end" : "" }, ...parts);
    });
    const acts = element("td", { class: "aca-lv-acts" }, ...actions.map((action) => this.actButton(action, name)));
    return element("tr", {}, ...made, acts);
  }

  copyButton(text) {
    const made = copyButton(() => text, text);
    made.classList.add("aca-lv-copy");
    return made;
  }

  actButton({ id, label, question }, row) {
    const act = () => this.model.send({ kind: "act", act: id, row });
    const attributes = { "aria-label": row ? `${label} ${row}` : undefined };
    if (!question) return button(label, act, attributes);
    const made = sureButton(label, question, act);
    made.setAttribute("title", `${label} ${row}`.trim());
    return made;
  }
}

export default () => {
  let told = null;
  const views = new Set();
  return {
    initialize: ({ model }) => {
      const take = (message) => {
        if (message.kind === "table") told = message;
        for (const view of views) view.receive(message);
      };
      model.on("msg:custom", take);
      model.send({ kind: "here" });
      return () => model.off("msg:custom", take);
    },
    render: ({ model, el }) => {
      const view = new LiveTable(model, el);
      views.add(view);
      if (told) view.receive(told);
      return () => views.delete(view);
    },
  };
};
