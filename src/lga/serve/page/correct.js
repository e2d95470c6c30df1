/** Right or wrong: a recognised clip becomes an example, and can be taken back. */

import { send } from "./api.js";
import { announce, busy, h } from "./dom.js";
import { addClip } from "./examples.js";
import { createRow } from "./intake.js";
import { addressOf } from "./words.js";

let lists = 0;

/** Two buttons, "Right" and "It is ..."; `actions` says what is taught now, `keep` keeps what became of the result. */
export function createCorrection(entry, { settings, actions, taught, removed, keep }) {
  const { result, file } = entry;
  const line = h("p", { class: "error", role: "alert" });
  const rows = h("ol", { class: "sendings" });
  const list = h("datalist", { id: `labels-${(lists += 1)}` });
  const right = h("button", { type: "button", "aria-label": `Right, it is ${result.label}` }, "Right");
  const wrong = h("button", { type: "button", onclick: begin, "aria-expanded": "false" }, "It is …");
  const about = { "aria-label": `What ${result.name} shows`, placeholder: "an action, known or new" };
  const field = h("input", { type: "text", list: list.id, autocomplete: "off", maxlength: 200, required: true, ...about });
  const teach = h("button", { type: "submit", class: "primary" }, "Teach it");
  const cancel = h("button", { type: "button", onclick: end }, "Cancel");
  const form = h("form", { class: "row", hidden: true, onsubmit: submit, onkeydown: escape }, field, list, teach, cancel);
  const said = h("span");
  const undo = h("button", { type: "button", class: "quiet", onclick: () => busy(undo, line, takeBack) }, "Undo");
  const told = h("p", { class: "row" }, said, undo);
  const question = h("span", { class: "faint" }, result.known ? "Is that right?" : "Do you know what it is?");
  const asked = h("div", { class: "row" }, question, result.known ? right : null, wrong);
  right.addEventListener("click", () => busy(right, line, () => learn(result.label)));

  function begin() {
    list.replaceChildren(...actions().map((one) => h("option", { value: one.label })));
    form.hidden = false;
    wrong.setAttribute("aria-expanded", "true");
    field.focus();
  }
  function end() {
    form.hidden = true;
    wrong.setAttribute("aria-expanded", "false");
    wrong.focus();
  }
  function escape(event) {
    if (event.key === "Escape") end();
  }
  function submit(event) {
    event.preventDefault();
    busy(teach, line, () => learn(field.value.trim()));
  }
  async function learn(label) {
    const known = actions();
    const row = createRow(file.name);
    rows.append(row.element);
    let action = null;
    await addClip(label, file, row, settings, (now) => {
      action = now;
      taught(now);
    });
    const before = known.find((one) => one.label === action?.label);
    const had = new Set(before?.examples.map((one) => one.digest));
    const added = action?.examples.find((one) => !had.has(one.digest));
    if (!added) return;
    entry.taught = { label: action.label, digest: added.digest, isNew: !before };
    await keep(entry);
    show();
    announce(said.textContent);
    undo.focus();
  }
  async function takeBack() {
    const { label, digest, isNew } = entry.taught;
    await send("DELETE", isNew ? addressOf(label) : addressOf(label, "examples", digest));
    if (isNew) removed(label);
    else taught((await send("GET", addressOf(label))).action);
    entry.taught = null;
    await keep(entry);
    show();
    announce(`${result.name} is no example any more.`);
    wrong.focus();
  }
  function show() {
    const { taught: done } = entry;
    said.textContent = done ? `${result.name} is an example of “${done.label}” now.` : "";
    told.hidden = !done;
    asked.hidden = Boolean(done);
    form.hidden = true;
  }
  show();
  return h("div", { class: "correct", role: "group", "aria-label": `Correct the answer about ${result.name}` }, asked, form, rows, told, line);
}
