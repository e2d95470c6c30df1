/** What a clip shows and how sure that is, with the clip playing; why, for those who ask. */

import { formOf, send } from "./api.js";
import { createCorrection } from "./correct.js";
import { busy, h } from "./dom.js";
import { createPlayer } from "./player.js";
import { stageClass } from "./strip.js";
import { drawWhy } from "./why.js";
import { capital, clock, percent } from "./words.js";

/** A result in one sentence. */
export function verdictOf({ known, label, word }) {
  return known ? `${label}, ${word}` : `${word}; the closest is ${label}`;
}

/** A result that unfolds; `check` hears of every change of what is taught, by its mark. */
export function createResult(entry, how) {
  const { result } = entry;
  const body = h("div", { class: "body" });
  const element = h("details", { class: "result", open: how.open }, drawHead(result), body);
  const line = h("p", { class: "error", role: "alert" });
  const old = h(
    "p",
    { class: "note warn row", hidden: true },
    "Your actions have changed since this answer.",
    h("button", { type: "button", onclick: how.again }, "Ask again"),
  );
  let player = null;

  function toggled() {
    if (!element.open) return void player?.pause();
    player ??= fill();
    player.begin();
  }
  function fill() {
    const made = createPlayer(result, entry.file);
    const tools = createTools(entry, how, line);
    body.append(old, made.element, createCorrection(entry, how), createWhy(result), tools, line);
    return made;
  }
  element.addEventListener("toggle", toggled); // also comes of being made open
  return {
    element,
    check: (mark) => (old.hidden = mark === entry.mark),
    close: () => player?.close(),
  };
}

function drawHead(result) {
  const about = `${percent(result.confidence)}: how likely this is right, if half of all clips asked about show one of your actions`;
  const chip = h("span", { class: `word ${result.word}`, title: about }, result.word);
  const said = result.known
    ? [h("span", {}, result.label), " ", chip]
    : [h("span", { title: about }, capital(result.word)), " ", h("small", { class: "faint" }, `closest: ${result.label}`)];
  const frames = (result.why?.frames ?? []).filter((one) => one.picture);
  const peek = frames.map((one) => h("img", { class: stageClass(one.stage), src: one.picture, alt: "" }));
  return h(
    "summary",
    {},
    h("h3", {}, said),
    h("p", { class: "faint name" }, `${result.name}, ${clock(result.duration)}`),
    h("span", { class: "peek" }, peek),
  );
}

function createWhy(result) {
  const inside = h("div", { class: "reasons" });
  const element = h("details", { class: "why" }, h("summary", {}, h("h4", {}, "Why?")), inside);
  element.addEventListener("toggle", () => {
    if (!inside.hasChildNodes()) inside.append(...drawWhy(result).filter(Boolean));
  });
  return element;
}

/** What else can be done with a result: keep the report, ask again, put it away. */
function createTools({ result, file, query }, { again, dismiss }, line) {
  const press = (name, act, kind) => h("button", { type: "button", class: kind, onclick: act }, name);
  const save = press("Save the full report", () =>
    busy(save, line, async () => {
      const report = await send("POST", `explain?${query}`, { form: formOf("clip", [file]), type: "blob" });
      download(report, `${result.name.replace(/\.[^.]*$/, "")}.why.html`);
    }),
  );
  return h("div", { class: "tools row" }, save, press("Ask again", again), press("Dismiss", dismiss, "quiet"));
}

function download(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
