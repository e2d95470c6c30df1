/** A clip's sampled frames in a row, in the colours of their stages. */

import { h } from "./dom.js";

const COLOURS = 8;

/** The class that gives a stage its colour, everywhere on the page. */
export const stageClass = (stage) => `stage-${stage % COLOURS}`;

/** Frames side by side; `name` says whose they are. */
export function drawStrip(frames, name) {
  const tiles = frames.map((frame, number) => {
    const first = number === 0 || frames[number - 1].stage !== frame.stage;
    const last = number === frames.length - 1 || frames[number + 1].stage !== frame.stage;
    const told = `${name}, stage ${frame.stage + 1}, ${frame.time.toFixed(2)} s`;
    const picture = frame.picture
      ? h("img", { src: frame.picture, alt: told })
      : h("span", { class: "blank", role: "img", "aria-label": told });
    const places = [stageClass(frame.stage), first && "first", last && "last"].filter(Boolean).join(" ");
    return h("li", { class: places }, picture, h("span", { class: "time", "aria-hidden": "true" }, frame.time.toFixed(1)));
  });
  const strip = h("ol", { class: "strip", "--frames": frames.length, "aria-label": `Frames of ${name}` }, tiles);
  return h("div", { class: "sideways", role: "group", tabindex: 0, "aria-label": `Film strip of ${name}` }, strip);
}

/** A horizontal bar for a share from 0 to 1. */
export function drawBar(share, kind) {
  const part = Math.min(1, Math.max(0, share));
  return h("span", { class: `bar ${kind}`, "aria-hidden": "true" }, h("i", { "--share": part }));
}
