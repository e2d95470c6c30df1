/** Elements, built one by one: data only ever becomes text, never markup. */

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element: `onclick` and the like listen, `--name` sets a style property, null and false are left out. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export const byId = (id) => document.getElementById(id);

/** Show or clear the line in which an error stands. */
export function tell(line, error) {
  line.textContent = error ? error.message : "";
}

/** Say something to those who hear the page. */
export function announce(text) {
  byId("status").textContent = text;
}

/** Do something that takes a while with a button that cannot be pressed meanwhile; what fails stands in the line. */
export async function busy(button, line, work) {
  const held = document.activeElement === button;
  tell(line, null);
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (error) {
    tell(line, error);
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
    if (held && document.activeElement === document.body) button.focus();
  }
}

/** A button that asks before it acts: Enter agrees, Escape keeps. */
export function createConfirmed({ name, about, question, agree, act }) {
  const line = h("p", { class: "error", role: "alert" });
  const first = h("button", { type: "button", class: "quiet", "aria-label": about, onclick: ask }, name);
  const yes = h("button", { type: "button", class: "danger", onclick: () => busy(yes, line, act) }, agree);
  const no = h("button", { type: "button", onclick: keep }, "Keep");
  const told = h("span");
  const asked = h("span", { class: "row confirm", role: "group", hidden: true, onkeydown: escape }, told, yes, no);
  function ask() {
    told.textContent = question();
    asked.setAttribute("aria-label", told.textContent);
    [first.hidden, asked.hidden] = [true, false];
    yes.focus();
  }
  function keep() {
    [first.hidden, asked.hidden] = [false, true];
    tell(line, null);
    first.focus();
  }
  function escape(event) {
    if (event.key === "Escape") keep();
  }
  return h("div", { class: "confirmed" }, first, asked, line);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("--")) element.style.setProperty(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}
