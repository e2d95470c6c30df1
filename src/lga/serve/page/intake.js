/** Where clips come in: dropped, chosen or recorded, several at once. */

import { record } from "./camera.js";
import { h } from "./dom.js";

const KINDS = "video/*,.mp4,.m4v,.mov,.mkv,.avi,.webm,.gif,.3gp,.3g2,.ts,.mts,.m2ts,.mpg,.mpeg,.wmv,.flv,.ogv";

/** A place to drop clips, with buttons for those who do not drag; `take` gets the files. */
export function createIntake({ prompt, name, settings, take }) {
  const input = h("input", { type: "file", accept: KINDS, multiple: true, hidden: true, "aria-label": `Clips ${name}` });
  const press = (label, act, ...inside) => h("button", { type: "button", onclick: act, "aria-label": label }, inside);
  const choose = press(`Choose clips ${name}`, () => input.click(), "Choose clips");
  const film = press(`Record a clip ${name}`, filmed, h("span", { class: "dot", "aria-hidden": "true" }), "Record");
  const element = h(
    "div",
    { class: "intake", role: "group", "aria-label": `Clips ${name}` },
    h("p", {}, prompt),
    h("div", { class: "row" }, choose, settings.noCamera ? null : film, input),
    settings.noCamera ? h("p", { class: "note faint" }, settings.noCamera) : null,
  );
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = "";
    if (files.length) take(files);
  });
  listen(element, take);
  async function filmed() {
    const file = await record(settings.limits.seconds);
    film.focus();
    if (file) take([file]);
  }
  return { element, focus: () => choose.focus() };
}

/** Let an element take dropped files; it is marked while some hover over it. */
export function listen(element, take) {
  let depth = 0;
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    element.classList.toggle("over", depth > 0);
  };
  element.addEventListener("dragenter", () => mark(1));
  element.addEventListener("dragleave", () => mark(-1));
  element.addEventListener("drop", (event) => {
    mark(-depth);
    const files = [...(event.dataTransfer?.files ?? [])];
    if (event.defaultPrevented || files.length === 0) return; // another target inside this one took them
    event.preventDefault();
    take(files);
  });
}

/** A file dropped beside every target must not replace the page. */
export function guardPage() {
  for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
}

/** One clip on its way: its name, how far it is, and what came of it. */
export function createRow(name) {
  const bar = h("progress", { max: 1, value: 0, "aria-label": `Sending ${name}` });
  const said = h("span", { class: "said faint" }, "waiting");
  const away = h("button", { type: "button", class: "quiet", "aria-label": `Dismiss ${name}` }, "Dismiss");
  away.addEventListener("click", () => element.remove());
  const element = h("li", { class: "sending" }, h("span", { class: "name" }, name), bar, said, away);
  return {
    element,
    /** Whether it may be sent: it waited its turn, and nobody put it away. */
    begin() {
      away.hidden = true;
      return element.isConnected;
    },
    sent(share) {
      bar.value = share;
      said.textContent = share < 1 ? "sending" : "looking at it";
      if (share >= 1) bar.removeAttribute("value");
    },
    waiting(seconds) {
      said.textContent = `the server is busy; again in ${seconds}\u202fs`;
    },
    failed(reason) {
      bar.remove();
      said.className = "said error";
      said.setAttribute("role", "alert");
      said.textContent = reason;
      away.hidden = false;
    },
  };
}
