// A meter in a page: the last figures that were read, carried on at the rate of what runs, a little every second.

function money(amount, currency, hourly) {
  // So many digits that a second can be seen, and no more than anybody reads.
  const second = hourly / 3600;
  const digits = amount >= 100 ? 2 : second > 0 ? Math.min(7, Math.max(2, Math.ceil(-Math.log10(second)))) : 4;
  const written = amount.toFixed(amount === 0 && !second ? 2 : digits);
  return currency === "USD" ? `$${written}` : `${written} ${currency}`;
}

// Like the cards: two digits that say something.
function rate(hourly, currency) {
  const digits = hourly >= 0.1 ? 2 : Math.min(9, 1 - Math.floor(Math.log10(hourly)));
  return currency === "USD" ? `$${hourly.toFixed(digits)}` : `${hourly.toFixed(digits)} ${currency}`;
}

class Meter {
  constructor(title) {
    this.spent = element("strong", { class: "aca-lv-meter-amount" });
    this.today = element("span");
    this.rate = element("span");
    this.kind = element("span", { class: "aca-lv-faint aca-lv-right" });
    this.alarms = element("div", { class: "aca-lv-warn" });
    this.root = element(
      "div", { class: "aca-lv-meter", role: "timer", "aria-label": title },
      element("div", { class: "aca-lv-line" }, this.spent, this.rate, this.today, this.kind), this.alarms,
    );
    this.tick = null;
    this.root.hidden = true;
  }

  take(tick) {
    this.tick = { ...tick, came: performance.now() };
    clearInterval(this.turning);
    if (!tick.ended && tick.hourly > 0) this.turning = setInterval(() => this.draw(), 1000);
    this.draw();
  }

  draw() {
    const { tick } = this;
    this.root.hidden = !tick;
    if (!tick) return;
    const seconds = tick.ended ? 0 : (performance.now() - tick.came) / 1000;
    const more = (tick.hourly / 3600) * seconds;
    const shown = (amount) => money(amount + more, tick.currency, tick.hourly);
    if (!tick.read) write(this.spent, tick.ended ? "" : "reading metrics …");
    else if (tick.spent === null) write(this.spent, `${shown(tick.amount)} today`);
    else write(this.spent, `${shown(tick.spent)} since the deploy`);
    write(this.rate, !tick.read ? "" : tick.hourly ? `${rate(tick.hourly, tick.currency)} an hour now` : "nothing runs");
    write(this.today, tick.read && tick.spent !== null ? `${shown(tick.amount)} today` : "");
    write(this.kind, tick.standing);
    const said = [...tick.alarms.map((alarm) => `! ${alarm}`), ...(tick.ended ? [`the meter has ended: ${tick.ended}`] : [])];
    write(this.alarms, said.join("\n"));
  }

  dispose() {
    clearInterval(this.turning);
  }
}
