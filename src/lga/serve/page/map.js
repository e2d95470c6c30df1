/** Every frame of a clip beside every frame of an example: how far apart, and which was matched with which. */

import { svg } from "./dom.js";
import { stageClass } from "./strip.js";

const CELL = 40;
const SIDE = 52;
const PICTURED = 16;

/** The matched pairs of frames in order, and who chose whom: "forth", "back" or "both". */
export function pairsOf(matches) {
  const pairs = new Map();
  for (const { frame, other, forth } of matches) {
    const key = `${frame} ${other}`;
    const said = forth ? "forth" : "back";
    const before = pairs.get(key)?.how ?? said;
    pairs.set(key, { frame, other, how: before === said ? said : "both" });
  }
  return [...pairs.values()].sort((one, two) => one.frame - two.frame || one.other - two.other);
}

/** The map as SVG: the clip's frames down the side, the example's along the top. */
export function drawMap(frames, example, about) {
  const rows = example.distance_map;
  const pictured = Math.max(frames.length, example.frames.length) <= PICTURED;
  const edge = pictured ? SIDE : 10;
  const [width, height] = [edge + CELL * example.frames.length, edge + CELL * frames.length];
  const real = rows.flat().filter((one) => one !== null);
  const [low, high] = [Math.min(...real), Math.max(...real)];
  const cells = rows.flatMap((line, row) =>
    line.map((distance, column) => drawCell(edge, row, column, distance, (distance - low) / (high - low || 1))),
  );
  const middle = (place) => edge + CELL * (place + 0.5);
  return svg(
    "svg",
    { class: "grid", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": about },
    frames.flatMap((frame, row) => drawSide(frame, 0, edge + CELL * row, edge, "down", pictured)),
    example.frames.flatMap((frame, column) => drawSide(frame, edge + CELL * column, 0, edge, "along", pictured)),
    cells,
    pairsOf(example.matches).flatMap(({ frame, other, how }) => drawMark(middle(other), middle(frame), how)),
  );
}

function drawCell(edge, row, column, distance, share) {
  const inset = distance === null ? 15 : 1;
  const size = CELL - 2 * inset;
  const at = { x: edge + CELL * column + inset, y: edge + CELL * row + inset, width: size, height: size, rx: 2 };
  const told = distance === null ? "never compared" : distance.toFixed(2);
  const kind = distance === null ? "cell never" : "cell";
  return svg("rect", { class: kind, "--share": distance === null ? 1 : share, ...at }, svg("title", {}, told));
}

function drawSide(frame, x, y, edge, way, pictured) {
  const [bar, long, down] = [4, CELL - 2, way === "down"];
  const [from, thick] = [edge - bar - 2, edge - bar - 4];
  const box = down ? { x: from, y: y + 1, width: bar, height: long } : { x: x + 1, y: from, width: long, height: bar };
  const mark = svg("rect", { class: `side ${stageClass(frame.stage)}`, rx: 2, ...box });
  if (!pictured || !frame.picture) return [mark];
  const place = down ? { x: 0, y: y + 1, width: thick, height: long } : { x: x + 1, y: 0, width: long, height: thick };
  return [svg("image", { href: frame.picture, preserveAspectRatio: "xMidYMid slice", ...place }), mark];
}

function drawMark(x, y, how) {
  const dot = how === "back" ? [] : [svg("circle", { class: "forth", cx: x, cy: y, r: 5 })];
  const ring = how === "forth" ? [] : [svg("circle", { class: "back", cx: x, cy: y, r: 10 })];
  return [...dot, ...ring];
}
