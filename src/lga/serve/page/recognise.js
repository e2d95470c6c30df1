/** New clips and what they show. */

import { formOf, send } from "./api.js";
import { announce, byId, h } from "./dom.js";
import { createIntake, createRow } from "./intake.js";
import { createResult, verdictOf } from "./result.js";
import { refusalOf } from "./words.js";

const TOP = 5;

/** Fill the section; `taught` hears of an action that was taught from a result. */
export function createRecognise(settings, { taught }) {
  const results = byId("results");
  let labels = [];
  let queue = Promise.resolve();
  const intake = createIntake({ prompt: "Drop new clips here", name: "to recognise", settings, take });
  const nothing = h("p", { class: "note" }, "Teach an action first, on this page; then new clips can be compared with it.");
  byId("ask").append(intake.element, nothing);

  /** The labels that a clip can be recognised as from now on. */
  function choices(now) {
    labels = now;
    nothing.hidden = now.length > 0;
    byId("accepting").hidden = now.length === 0;
  }
  function take(files) {
    const before = results.firstChild; // the newest batch stands first, in its own order
    for (const [number, file] of files.entries()) {
      const place = h("li");
      results.insertBefore(place, before);
      ask(place, file, number === 0);
    }
  }
  /** Clips are asked about one after the other: a server that is asked about all at once only says that it is busy. */
  function ask(place, file, open) {
    const row = createRow(file.name);
    place.replaceChildren(row.element);
    queue = queue.then(() => answer(place, file, row, open));
  }
  async function answer(place, file, row, open) {
    if (!row.begin()) return void place.remove();
    const refusal = refusalOf(file, settings.limits);
    const query = new URLSearchParams({ top: TOP, accept: byId("accept").value, why: true });
    try {
      if (refusal) throw new Error(refusal);
      const how = { form: formOf("clip", [file]), progress: row.sent, waiting: row.waiting };
      const { result } = await send("POST", `recognize?${query}`, how);
      const again = () => ask(place, file, true);
      const dismiss = () => place.remove();
      place.replaceChildren(createResult(result, { file, query, open, again, dismiss, settings, taught, labels: () => labels }));
      announce(`${file.name}: ${verdictOf(result)}.`);
    } catch (error) {
      row.failed(error.message);
    }
  }
  return { choices };
}
