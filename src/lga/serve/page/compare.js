/** The clip beside the nearest example of each of the likeliest actions. */

import { h } from "./dom.js";
import { drawMap, pairsOf } from "./map.js";
import { drawStrip, stageClass } from "./strip.js";
import { clock, counted, figure, percent } from "./words.js";

const CHOSEN = { both: "each other's", forth: "the clip's", back: "the example's" };

const ABOUT_STAGES =
  "Of the actions compared here, how close the clip comes to this one in each stage. A frame is matched with the nearest of " +
  "the same stage, in both directions; neighbouring stages share their border frames.";
const PLACES = ["closest", "second", "third"];

let groups = 0;

/** A choice of actions, and the comparison with the one chosen. */
export function createCompare(result, why) {
  const shown = h("div", { class: "compared" });
  const group = `compare-${(groups += 1)}`;
  const choices = why.labels.map((label, number) => {
    const input = h("input", { type: "radio", name: group, checked: number === 0, onchange: () => show(label) });
    return h("label", { class: "choice" }, input, h("span", {}, label.label, " ", h("small", {}, percent(label.probability))));
  });
  const show = (label) => shown.replaceChildren(...(label.example ? drawExample(why, label) : drawWords(label)));
  show(why.labels[0]);
  return h(
    "fieldset",
    { class: "part compare" },
    h("legend", {}, h("h4", {}, "Compared with what you taught")),
    h("div", { class: "choices" }, choices),
    shown,
  );
}

function drawWords(label) {
  const told = label.sentences.map((sentence, stage) =>
    h(
      "li",
      { class: stageClass(stage) },
      tagOf(stage),
      h("span", { class: "sentence" }, sentence),
      h("span", { class: "similarity faint" }, `similarity ${figure(label.likeness[stage])}`),
    ),
  );
  return [h("p", { class: "note" }, "No example of it was taught: its words decide alone."), h("ol", { class: "told" }, told)];
}

function drawExample(why, label) {
  const { example } = label;
  const of = label.examples > 1 ? `the nearest of ${counted(label.examples, "example")}` : "its only example";
  return [
    h("p", { class: "faint" }, h("span", { class: "name" }, example.name), `, ${of}`),
    drawStrip(example.frames, example.name),
    h("div", { class: "beside" }, drawFigure(why, label), drawStages(why, label)),
    drawTable(why.frames, example),
  ];
}

function drawFigure(why, label) {
  const about = `How far apart the frames of the clip and of ${label.example.name} are, and which were matched`;
  const key = [
    h("span", { class: "near" }, "near"),
    h("span", { class: "far" }, "far"),
    h("span", { class: "forth" }, "nearest to the clip's frame"),
    h("span", { class: "back" }, "nearest to the example's"),
  ];
  return h(
    "figure",
    { class: "map" },
    h("p", { class: "axis faint", "aria-hidden": "true" }, "clip ↓  example →"),
    drawMap(why.frames, label.example, about),
    h("figcaption", { class: "legend faint", "aria-hidden": "true" }, key),
  );
}

/** Stage by stage: what the video and what the words had to say. */
function drawStages(why, { example, likeness: similarity }) {
  const rows = similarity.map((value, stage) => {
    const cost = example.stage_distance[stage];
    const costs = why.labels.map((one) => one.example?.stage_distance[stage]);
    const fits = why.labels.map((one) => -one.likeness[stage]);
    const video = cost === undefined ? h("td") : drawPlace(cost, costs, `distance ${figure(cost)}`);
    const words = drawPlace(-value, fits, `similarity ${figure(value)}`);
    return h("tr", { class: stageClass(stage) }, h("th", { scope: "row" }, tagOf(stage)), video, words);
  });
  const head = ["stage", "video", "words"].map((name) => h("th", { scope: "col" }, name));
  return h(
    "div",
    { class: "by-stage" },
    h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)),
    h("p", { class: "note faint" }, ABOUT_STAGES),
  );
}

/** Where a value stands among others, the smallest first, in words; the number is told on hovering. */
function drawPlace(value, all, number) {
  const others = all.filter((one) => Number.isFinite(one));
  const place = others.filter((one) => one < value).length;
  const said = others.length > 1 ? `${PLACES[place] ?? `${place + 1}th`} of ${others.length}` : "the only one";
  return h("td", { title: number, class: place === 0 ? "first" : "faint" }, said);
}

function drawTable(frames, example) {
  const rows = pairsOf(example.matches).map(({ frame, other, how }) => {
    const distance = example.distance_map[frame][other];
    const [here, there] = [frames[frame], example.frames[other]].map((one) => clock(one.time));
    const cells = [here, there, distance === null ? "" : figure(distance), CHOSEN[how]];
    return h("tr", {}, cells.map((cell) => h("td", {}, cell)));
  });
  const head = ["clip at", "example at", "distance", "nearest to"].map((name) => h("th", { scope: "col" }, name));
  const table = h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows));
  return h("details", { class: "matches" }, h("summary", {}, "The matches as a table"), h("div", { class: "scroll" }, table));
}

const tagOf = (stage) => h("span", { class: "tag" }, String(stage + 1));
