// A form for secrets. A value goes to the kernel in one message, leaves its field at once, and is kept by nothing here.

let secretFormNumber = 0;

class SecretForm {
  constructor(model, root) {
    this.model = model;
    const number = (secretFormNumber += 1);
    const labelled = (label, input) => {
      input.id = `aca-lv-secret-${number}-${label.replace(/\W/g, "")}`;
      return element("div", { class: "aca-lv-field" }, element("label", { for: input.id }, label), input);
    };
    this.name = element("input", { type: "text", autocomplete: "off", spellcheck: "false", placeholder: "hf-token", "aria-required": "true" });
    this.value = element("input", { type: "password", autocomplete: "new-password", "aria-required": "true" });
    this.app = element("select");
    this.save = element("button", { type: "submit" }, "Set");
    this.said = element("span", { role: "status" });
    this.error = element("pre", { class: "aca-lv-bad", role: "alert", hidden: true });
    this.list = element("ul", { "aria-label": "Secrets" });
    this.form = element("form", { autocomplete: "off", onsubmit: (event) => this.send(event) },
      element("div", { class: "aca-lv-fields" }, labelled("Name", this.name), labelled("Value", this.value), labelled("Kept for", this.app)),
      element("div", { class: "aca-lv-line" }, this.save, this.said), this.error);
    root.className = "aca-lv aca-lv-on aca-lv-secrets";
    root.append(element("div", { class: "aca-lv-line" }, element("strong", {}, "Secrets"),
      element("span", { class: "aca-lv-faint aca-lv-right" }, "a value is shown and saved nowhere")), this.form, this.list);
  }

  send(event) {
    event.preventDefault();
    const value = this.value.value;
    this.value.value = "";
    if (!value || !this.name.value.trim()) {
      write(this.said, value ? "a name is missing" : "a value is missing");
      (value ? this.name : this.value).focus();
      return;
    }
    this.save.disabled = true;
    write(this.said, "setting …");
    this.model.send({ kind: "set", name: this.name.value.trim(), app: this.app.value, value });
  }

  receive(message) {
    if (message.kind !== "secrets") return;
    this.save.disabled = false;
    const chosen = this.app.options.length ? this.app.value : message.app;
    this.app.replaceChildren(...[["", "this kernel's deploys to come"], ...message.apps.map((each) => [each, `app ${each}`])]
      .map(([value, label]) => element("option", { value, selected: value === chosen }, label)));
    if (!this.name.value && message.name) this.name.value = message.name;
    write(this.said, message.said);
    write(this.error, message.error);
    this.error.hidden = !message.error;
    this.list.replaceChildren(...message.kept.map((name) => element("li", {}, element("code", {}, name), " ",
      sureButton("Remove", "Remove it?", () => this.model.send({ kind: "remove", name }), { "aria-label": `Remove ${name}` }))));
  }
}

export default () => {
  let told = null;
  const views = new Set();
  return {
    initialize: ({ model }) => {
      const take = (message) => {
        told = { ...message, said: "", error: "" };
        for (const view of views) view.receive(message);
      };
      model.on("msg:custom", take);
      model.send({ kind: "here" });
      return () => model.off("msg:custom", take);
    },
    render: ({ model, el }) => {
      const view = new SecretForm(model, el);
      views.add(view);
      if (told) view.receive(told);
      return () => views.delete(view);
    },
  };
};
