/** An action's stages in words, to read and to change. */

import { announce, busy, h } from "./dom.js";
import { stageClass } from "./strip.js";
import { originOf } from "./words.js";

/** A form with a sentence for each stage; `save` gets the new ones. */
export function createAnatomy(save) {
  const about = h("p", { class: "note" });
  const fields = h("ol", { class: "stages" });
  const line = h("p", { class: "error", role: "alert" });
  const keep = h("button", { type: "submit", class: "primary" }, "Save sentences");
  const undo = h("button", { type: "button", onclick: () => draw(shown) }, "Undo changes");
  const buttons = h("div", { class: "row", hidden: true }, keep, undo);
  const form = h("form", { class: "anatomy", onsubmit: submit, oninput: compare }, about, fields, buttons, line);
  let shown = null;

  const written = () => [...fields.querySelectorAll("textarea")].map((one) => one.value.trim());
  const changed = () => written().some((text, stage) => text !== shown.stages[stage].sentence);

  function compare() {
    buttons.hidden = !changed();
  }
  function draw(action) {
    shown = action;
    const origin = originOf(action);
    about.textContent = origin.long;
    about.classList.toggle("warn", action.origin === "template");
    fields.replaceChildren(...action.stages.map((stage, number) => createField(action.label, stage, number)));
    buttons.hidden = true;
  }
  function submit(event) {
    event.preventDefault();
    if (!changed()) return;
    busy(keep, line, async () => {
      await save(written());
      announce("The sentences are saved.");
      fields.querySelector("textarea")?.focus();
    });
  }
  function update(action) {
    const open = shown !== null && changed() && action.label === shown.label;
    if (!open || written().every((text, stage) => text === action.stages[stage]?.sentence)) draw(action);
  }
  return { element: form, update };
}

function createField(label, stage, number) {
  const field = h("textarea", { rows: 2, maxlength: 300, "aria-label": `${label}, stage ${number + 1}`, onkeydown: enter });
  field.value = stage.sentence;
  const tag = h("span", { class: "tag", "aria-hidden": "true" }, String(number + 1));
  return h("li", { class: stageClass(number) }, tag, field);
}

/** A sentence is one line: Enter saves it. */
function enter(event) {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  event.target.form.requestSubmit();
}
