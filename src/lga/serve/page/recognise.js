/** New clips and what they show. */

import { formOf, send } from "./api.js";
import { announce, byId, h } from "./dom.js";
import { createIntake, createRow } from "./intake.js";
import { markOf } from "./kept.js";
import { createResult, verdictOf } from "./result.js";
import { refusalOf } from "./words.js";

const TOP = 5;

/** Fill the section; `taught` and `removed` hear of what was taught from a result, and of what was taken back. */
export function createRecognise(settings, kept, { taught, removed }) {
  const results = byId("results");
  const shown = new Map();
  let [actions, mark, newest] = [[], "", 0];
  let queue = Promise.resolve();
  const intake = createIntake({ prompt: "Drop new clips here", name: "to recognise", settings, take });
  const nothing = h("p", { class: "note" }, "Teach an action first, on this page; then new clips can be compared with it.");
  byId("ask").append(intake.element, nothing);

  /** What a clip can be recognised as from now on. */
  function choices(now) {
    [actions, mark] = [now, markOf(now)];
    nothing.hidden = now.length > 0;
    byId("accepting").hidden = now.length === 0;
    for (const one of shown.values()) one.check(mark);
  }
  /** Show what earlier visits were told. */
  async function restore() {
    for (const entry of await kept.all()) show(results.appendChild(h("li")), entry, false);
  }
  function take(files) {
    const before = results.firstChild; // the newest batch stands first, in its own order
    const first = newest = Math.max(newest + files.length, Date.now());
    for (const [number, file] of files.entries()) {
      const place = h("li");
      results.insertBefore(place, before);
      ask(place, { id: first - number / files.length, file }, number === 0);
    }
  }
  /** Clips are asked about one after the other: a server that is asked about all at once only says that it is busy. */
  function ask(place, entry, open) {
    const row = createRow(entry.file.name);
    shown.get(place)?.close();
    shown.delete(place);
    place.replaceChildren(row.element);
    queue = queue.then(() => answer(place, entry, row, open));
  }
  async function answer(place, { id, file }, row, open) {
    if (!row.begin()) return void place.remove();
    const refusal = refusalOf(file, settings.limits);
    const query = new URLSearchParams({ top: TOP, accept: byId("accept").value, why: true });
    const asked = mark;
    try {
      if (refusal) throw new Error(refusal);
      const how = { form: formOf("clip", [file]), progress: row.sent, waiting: row.waiting };
      const { result } = await send("POST", `recognize?${query}`, how);
      const entry = { id, result, file, query: String(query), mark: asked, taught: null };
      show(place, entry, open);
      announce(`${file.name}: ${verdictOf(result)}.`);
      await kept.put(entry);
    } catch (error) {
      row.failed(error.message);
    }
  }
  function show(place, entry, open) {
    const dismiss = () => {
      shown.get(place)?.close();
      shown.delete(place);
      place.remove();
      kept.remove(entry);
    };
    const again = () => ask(place, entry, true);
    const how = { open, again, dismiss, settings, taught, removed, actions: () => actions, keep: kept.put };
    const result = createResult(entry, how);
    shown.set(place, result);
    result.check(mark);
    place.replaceChildren(result.element);
  }
  return { choices, restore };
}
