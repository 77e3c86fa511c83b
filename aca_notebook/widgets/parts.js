// Small pieces that the views here are made of. Text is put in as text; nothing is loaded.

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

function button(label, act, attributes = {}) {
  return element("button", { type: "button", onclick: act, ...attributes }, label);
}

function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// A button that puts text on the clipboard, and says so for a moment.
function copyButton(text, what) {
  const made = button("Copy", async () => {
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      const field = element("textarea", { style: "position:fixed;opacity:0" }); // a page without the permission
      field.value = text();
      made.after(field);
      field.select();
      document.execCommand("copy");
      field.remove();
      made.focus();
    }
    write(made, "Copied");
    setTimeout(() => write(made, "Copy"), 1500);
  }, { "aria-label": `Copy ${what}` });
  return made;
}

// A button that asks once more before it acts: the first press arms it for a few seconds.
function sureButton(label, question, act, attributes = {}) {
  let armed = 0;
  const rest = () => {
    clearTimeout(armed);
    armed = 0;
    write(made, label);
    made.classList.remove("aca-lv-armed");
  };
  const made = button(label, () => {
    if (armed) {
      rest();
      act();
      return;
    }
    write(made, question);
    made.classList.add("aca-lv-armed");
    armed = setTimeout(rest, 6000);
  }, attributes);
  made.addEventListener("blur", () => armed && rest());
  made.addEventListener("keydown", (event) => event.key === "Escape" && rest());
  return made;
}
