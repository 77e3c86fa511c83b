// A meter by itself: the figures, and a button that ends it.

class CostMeter {
  constructor(model, root) {
    this.meter = new Meter("What runs costs");
    this.title = element("strong");
    this.stop = button("Stop", () => model.send({ kind: "stop" }));
    this.state = element("span", { class: "aca-lv-faint aca-lv-right", role: "status" });
    root.className = "aca-lv aca-lv-cost";
    root.append(element("div", { class: "aca-lv-line" }, this.title, this.state, this.stop), this.meter.root);
    this.root = root;
  }

  receive(tick) {
    write(this.title, tick.app || "all apps");
    write(this.state, tick.ended ? "ended" : "live");
    this.stop.disabled = Boolean(tick.ended);
    this.meter.take(tick);
    this.root.classList.toggle("aca-lv-on", !tick.ended);
    this.root.hidden = Boolean(tick.ended); // the card has the last word
  }
}

export default () => {
  let told = null;
  const views = new Set();
  return {
    initialize: ({ model }) => {
      const take = (message) => {
        if (message.kind !== "tick") return;
        told = message;
        for (const view of views) view.receive(message);
      };
      model.on("msg:custom", take);
      model.send({ kind: "here" });
      return () => model.off("msg:custom", take);
    },
    render: ({ model, el }) => {
      const view = new CostMeter(model, el);
      views.add(view);
      if (told) view.receive(told);
      return () => {
        views.delete(view);
        view.meter.dispose();
      };
    },
  };
};
