/** One taught action: its anatomy, its examples, its name. */

import { createAnatomy } from "./anatomy.js";
import { send } from "./api.js";
import { announce, busy, createConfirmed, h, tell } from "./dom.js";
import { createExamples, createStrip } from "./examples.js";
import { listen } from "./intake.js";
import { addressOf, counted, originOf } from "./words.js";

/** A card that unfolds; `changed(before, action)` hears every change, with null for an action that is gone. */
export function createCard(first, { settings, changed }) {
  let action = first;
  let picture = null;
  const title = h("h3");
  const badge = h("span", { class: "badge" });
  const count = h("span", { class: "faint" });
  const peek = h("div", { class: "peek" });
  const anatomy = createAnatomy((sentences) => patch({ label: null, sentences }));
  const examples = createExamples({ settings, labelled: () => action.label, changed: replace });
  const rename = createRename(() => action.label, (label) => patch({ label, sentences: null }));
  const remove = createConfirmed({
    name: "Remove",
    question: () => `Remove “${action.label}” and ${counted(action.examples.length, "clip")}?`,
    agree: "Remove",
    act: removed,
  });
  const summary = h("summary", {}, h("div", { class: "line" }, title, badge, count), peek);
  const tools = h("div", { class: "tools" }, rename, remove);
  const element = h("details", { class: "card" }, summary, anatomy.element, examples.element, tools);
  listen(element, (files) => {
    element.open = true;
    examples.take(files);
  });

  async function patch(change) {
    const reply = await send("PATCH", addressOf(action.label), { json: change });
    replace(reply.action);
  }
  async function removed() {
    await send("DELETE", addressOf(action.label));
    announce(`${action.label} is removed.`);
    changed(action.label, null);
  }
  function replace(next) {
    const before = action.label;
    update(next);
    changed(before, next);
  }
  function update(next) {
    const renamed = title.textContent !== next.label;
    action = next;
    title.textContent = next.label;
    badge.textContent = originOf(next).short;
    badge.classList.toggle("warn", next.origin === "template");
    count.textContent = next.examples.length ? counted(next.examples.length, "clip") : "no clips yet";
    if (renamed) examples.name(next.label);
    anatomy.update(next);
    examples.update(next);
    showPeek();
  }
  /** The first example's film strip shows on the folded card. */
  function showPeek() {
    const example = action.examples.find((one) => one.strip !== null);
    if (picture === (example?.digest ?? null)) return;
    picture = example?.digest ?? null;
    peek.replaceChildren(...(example ? [createStrip(example.strip, "")] : []));
  }
  update(first);
  return { element, update, action: () => action, open: () => (element.open = true), choose: examples.focus };
}

/** A button that turns into a field: Enter renames, Escape does not. */
function createRename(labelled, save) {
  const start = h("button", { type: "button", class: "quiet", onclick: begin }, "Rename");
  const field = h("input", { type: "text", "aria-label": "New name", autocomplete: "off", maxlength: 200, required: true });
  const keep = h("button", { type: "submit", class: "primary" }, "Rename");
  const line = h("p", { class: "error", role: "alert" });
  const stop = h("button", { type: "button", onclick: finish }, "Cancel");
  const form = h("form", { class: "row", hidden: true, onsubmit: submit, onkeydown: escape }, field, keep, stop);
  function begin() {
    field.value = labelled();
    [start.hidden, form.hidden] = [true, false];
    field.select();
  }
  function finish() {
    tell(line, null);
    [start.hidden, form.hidden] = [false, true];
    start.focus();
  }
  function escape(event) {
    if (event.key === "Escape") finish();
  }
  function submit(event) {
    event.preventDefault();
    busy(keep, line, async () => {
      if (field.value.trim() !== labelled()) await save(field.value.trim());
      announce(`It is called ${labelled()} now.`);
      finish();
    });
  }
  return h("div", { class: "rename" }, start, form, line);
}
