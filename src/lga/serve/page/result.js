/** What a clip shows, how sure that is, and why. */

import { formOf, send } from "./api.js";
import { createCompare } from "./compare.js";
import { busy, h } from "./dom.js";
import { addClip } from "./examples.js";
import { createRow } from "./intake.js";
import { drawBar, drawStrip, stageClass } from "./strip.js";
import { clock, figure, percent } from "./words.js";

const ABOUT_SIMILARITY = "similarity says how well a stage's frames fit its sentence, -1 to 1.";

/** A result in one sentence. */
export function verdictOf(result) {
  const closest = `${result.label}, ${percent(result.probability)}`;
  return result.known ? closest : `none of these; the closest is ${closest}`;
}

/** A result that unfolds. */
export function createResult(result, how) {
  const { why } = result;
  const body = h(
    "div",
    { class: "body" },
    drawKnown(result),
    drawClip(result),
    drawCandidates(result),
    why ? drawAlone(result, why) : null,
    why ? createCompare(result, why) : null,
    createTools(result, how),
  );
  return h("details", { class: "result", open: how.open }, drawHead(result), body);
}

function drawHead(result) {
  const closest = h("small", { class: "faint" }, `closest: ${result.label}, ${percent(result.probability)}`);
  const said = result.known
    ? [h("span", {}, result.label), " ", h("small", { class: "faint" }, percent(result.probability))]
    : [h("span", { class: "unknown" }, "None of these"), " ", closest];
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

/** Whether it is one of the taught actions at all. */
function drawKnown(result) {
  const title = h("h4", {}, "Is it one of your actions at all?");
  if (result.known_score === null) {
    const note = result.why?.note ? ` (${result.why.note})` : "";
    const told = `That cannot be said yet${note}. Every clip counts as one of them.`;
    return h("div", { class: "part" }, title, h("p", { class: "note" }, told));
  }
  const mark = result.threshold === null ? null : h("b", { "--share": result.threshold });
  const kind = `gauge ${result.known ? "good" : "bad"}`;
  const gauge = h("span", { class: kind, "aria-hidden": "true" }, h("i", { "--share": result.known_score }), mark);
  const rule = result.threshold === null ? "every clip is accepted, as asked" : `accepted from ${percent(result.threshold)} on`;
  const odds = `${percent(result.known_score)} likely, if half of all clips asked about show one`;
  const told = h("p", {}, h("strong", {}, result.known ? "Yes" : "No"), `: ${odds}; ${rule}.`);
  return h("div", { class: "part" }, title, gauge, told);
}

function drawClip(result) {
  const stages = result.stages.map((stage, number) =>
    h(
      "li",
      { class: stageClass(number) },
      h("span", { class: "tag", "aria-hidden": "true" }, String(number + 1)),
      h("span", { class: "clock faint" }, `${stage.start.toFixed(2)} – ${clock(stage.end)}`),
      h("span", { class: "sentence" }, stage.sentence),
      h("span", { class: "similarity faint" }, `similarity ${figure(stage.likeness)}`),
    ),
  );
  return h(
    "div",
    { class: "part" },
    h("h4", {}, "The clip, cut into stages"),
    result.why ? drawStrip(result.why.frames, result.name) : null,
    h("ol", { class: "told" }, stages),
    h("p", { class: "note faint" }, `The sentences are those of “${result.label}”; ${ABOUT_SIMILARITY}`),
  );
}

function drawCandidates(result) {
  const rows = result.candidates.map((one, number) =>
    h(
      "li",
      { class: number === 0 ? "winner" : null },
      h("span", { class: "name" }, one.label),
      h("span", { class: "bars" }, drawBar(one.probability, "together"), drawBar(one.video, "video"), drawBar(one.text, "text")),
      h("span", { class: "figure" }, percent(one.probability)),
      h("span", { class: "parts faint" }, `video ${percent(one.video)}, words ${percent(one.text)}`),
    ),
  );
  const legend = [["together", "together"], ["video", "video alone"], ["text", "words alone"]];
  return h(
    "div",
    { class: "part" },
    h("h4", {}, "The likeliest actions"),
    h("ol", { class: "candidates" }, rows),
    h("p", { class: "legend faint", "aria-hidden": "true" }, legend.map(([kind, name]) => h("span", { class: kind }, name))),
  );
}

function drawAlone(result, why) {
  const pairs = [
    ["Video alone says", why.by_video ?? "nothing: there are no examples"],
    ["Words alone say", why.by_text],
    ["Both together", `${result.label}; the video counts ${percent(why.alpha)}, the words ${percent(1 - why.alpha)}`],
  ];
  const facts = pairs.map(([what, value]) => h("div", {}, h("dt", { class: "faint" }, what), h("dd", {}, value)));
  return h("dl", { class: "part alone" }, facts);
}

/** What can be done with a result: keep the report, teach from the clip, ask again, put it away. */
function createTools(result, { file, query, again, dismiss, settings, taught, labels }) {
  const line = h("p", { class: "error", role: "alert" });
  const rows = h("ol", { class: "sendings" });
  const save = h("button", { type: "button", class: "primary" }, "Save the full report");
  save.addEventListener("click", () =>
    busy(save, line, async () => {
      const report = await send("POST", `explain?${query}`, { form: formOf("clip", [file]), type: "blob" });
      download(report, `${result.name.replace(/\.[^.]*$/, "")}.why.html`);
    }),
  );
  const label = h("select", { "aria-label": `What ${result.name} shows`, onfocus: () => offer(label.value) });
  const offer = (chosen) => label.replaceChildren(...labels().map((one) => h("option", { selected: one === chosen }, one)));
  offer(result.label);
  const teach = h("button", { type: "button" }, "Teach it");
  teach.addEventListener("click", () =>
    busy(teach, line, async () => {
      const row = createRow(file.name);
      rows.append(row.element);
      const added = await addClip(label.value, file, row, settings, taught);
      if (added) rows.append(h("li", { class: "note" }, `It is an example of “${label.value}” now.`));
    }),
  );
  const press = (name, act, kind) => h("button", { type: "button", class: kind, onclick: act }, name);
  return h(
    "div",
    { class: "tools" },
    h("div", { class: "row" }, save, press("Ask again", again), press("Dismiss", dismiss, "quiet")),
    h("div", { class: "row" }, h("span", { class: "faint" }, "Right or wrong, it can become an example of"), label, teach),
    rows,
    line,
  );
}

function download(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
