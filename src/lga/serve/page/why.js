/** Everything behind an answer, for those who ask why. */

import { createCompare } from "./compare.js";
import { h } from "./dom.js";
import { drawBar, drawStrip } from "./strip.js";
import { percent } from "./words.js";

/** What is told under "Why?". */
export function drawWhy(result) {
  const { why } = result;
  return [
    drawKnown(result),
    drawCandidates(result),
    why ? drawAlone(result, why) : null,
    why ? drawFrames(result, why) : null,
    why ? createCompare(result, why) : null,
  ];
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
  const kind = `gauge ${result.known ? "good" : "none"}`;
  const gauge = h("span", { class: kind, "aria-hidden": "true" }, h("i", { "--share": result.known_score }), mark);
  const rule = result.threshold === null ? "every clip is accepted, as asked" : `accepted from ${percent(result.threshold)} on`;
  const odds = `${percent(result.known_score)} likely, if half of all clips asked about show one`;
  const told = h("p", {}, h("strong", {}, result.known ? "Yes" : "No"), `: ${odds}; ${rule}.`);
  return h("div", { class: "part" }, title, gauge, told);
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
    ["How sure", `${result.word}: ${percent(result.confidence)}`],
    ["Video alone says", why.by_video ?? "nothing: there are no examples"],
    ["Words alone say", why.by_text],
    ["Both together", `${result.label}; the video counts ${percent(why.alpha)}, the words ${percent(1 - why.alpha)}`],
  ];
  const facts = pairs.map(([what, value]) => h("div", {}, h("dt", { class: "faint" }, what), h("dd", {}, value)));
  return h("dl", { class: "part alone" }, facts);
}

function drawFrames(result, why) {
  return h(
    "div",
    { class: "part" },
    h("h4", {}, "The frames that were looked at"),
    drawStrip(why.frames, result.name),
    h("p", { class: "note faint" }, `The stages' sentences are those of “${result.label}”.`),
  );
}
