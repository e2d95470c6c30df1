/** A clip that plays in its stages, and the nearest example beside it, stage by stage. */

import { send } from "./api.js";
import { h } from "./dom.js";
import { stageClass } from "./strip.js";
import { clock, figure } from "./words.js";

const [SLOWEST, FASTEST] = [0.25, 4];
const DRIFT = 0.25;
const motion = window.matchMedia("(prefers-reduced-motion: reduce)");

/** The player of a result; nothing moves by itself where less motion is asked for. */
export function createPlayer(result, file) {
  const { stages, duration } = result;
  const example = result.why?.labels[0].example ?? null;
  const own = createScreen(result.name, result.why?.frames ?? [], async () => file);
  const other = example && createScreen(`${example.name}, the nearest example`, example.frames, fetched(example));
  const follow = other ? follower(other, stages, bordersOf(example)) : () => {};
  const slider = h("input", { type: "range", min: 0, max: duration, step: 0.02, value: 0, "aria-label": `Position in ${result.name}` });
  const button = h("button", { type: "button", class: "play", onclick: () => (playing ? pause() : play()) });
  const parts = stages.map((stage, number) => h("i", { class: stageClass(number), "--share": stage.end - stage.start }));
  const rows = stages.map((stage, number) => createRow(stage, number, () => seek(stage.start)));
  let [playing, time, last] = [false, 0, 0];

  function show(now) {
    time = now;
    slider.value = now;
    const at = stageAt(stages, now);
    slider.setAttribute("aria-valuetext", `${clock(now)}, stage ${at + 1} of ${stages.length}`);
    for (const [number, row] of rows.entries()) row.toggleAttribute("data-now", number === at);
    own.still(now);
    follow(now, playing);
  }
  function seek(now) {
    own.seek(now);
    show(now);
  }
  function tick(moment) {
    if (!playing) return;
    const now = own.time() ?? time + (moment - last) / 1000;
    last = moment;
    if (now >= duration || own.ended()) seek(0);
    else show(now);
    own.play();
    requestAnimationFrame(tick);
  }
  function set(now) {
    playing = now;
    button.dataset.playing = now;
    button.setAttribute("aria-label", `${now ? "Pause" : "Play"} ${result.name}`);
  }
  function play() {
    if (playing) return;
    set(true);
    last = performance.now();
    requestAnimationFrame(tick);
  }
  function pause() {
    set(false);
    own.pause();
    other?.pause();
  }
  slider.addEventListener("input", () => {
    pause();
    seek(Number(slider.value));
  });
  set(false);
  show(0);
  const screens = h("div", { class: "screens" }, own.element, other?.element);
  const track = h("div", { class: "track" }, h("span", { class: "lanes", "aria-hidden": "true" }, parts), slider);
  const told = h("ol", { class: "told", "aria-label": "Stages" }, rows);
  return {
    element: h("div", { class: "player" }, screens, h("div", { class: "scrub" }, button, track), told),
    begin: () => !motion.matches && play(),
    pause,
    close() {
      pause();
      own.close();
      other?.close();
    },
  };
}

function createRow(stage, number, seek) {
  const sentence = h("button", { type: "button", class: "sentence", onclick: seek }, stage.sentence);
  const fits = `how well its frames fit the sentence: ${figure(stage.likeness)}, from -1 to 1`;
  return h(
    "li",
    { class: stageClass(number), title: fits },
    h("span", { class: "tag", "aria-hidden": "true" }, String(number + 1)),
    sentence,
    h("span", { class: "clock faint" }, `${stage.start.toFixed(2)} – ${clock(stage.end)}`),
  );
}

/** A clip as a video; as its sampled frames where it is not kept or this browser cannot play it. */
function createScreen(name, frames, source) {
  const video = h("video", { playsinline: true, preload: "auto", "aria-label": name, hidden: true });
  const picture = h("img", { alt: name, hidden: frames.every((one) => one.picture === null) });
  const pictured = frames.filter((one) => one.picture);
  let [ready, address] = [false, ""];
  video.muted = true;
  video.addEventListener("loadeddata", () => {
    ready = true;
    [video.hidden, picture.hidden] = [false, true];
  });
  source().then((blob) => {
    if (!blob) return;
    address = URL.createObjectURL(blob);
    video.src = address;
  }).catch(() => {}); // its frames stand for it
  return {
    element: h("figure", { class: "shown" }, video, picture, h("figcaption", { class: "faint" }, name)),
    video: () => (ready ? video : null),
    time: () => (ready ? video.currentTime : null),
    ended: () => ready && video.ended,
    play: () => ready && video.paused && video.play().catch(() => {}),
    pause: () => video.pause(),
    seek: (now) => ready && (video.currentTime = now),
    still(now) {
      if (ready || pictured.length === 0) return;
      const nearest = pictured.reduce((one, next) => (Math.abs(next.time - now) < Math.abs(one.time - now) ? next : one));
      if (picture.getAttribute("src") !== nearest.picture) picture.src = nearest.picture;
    },
    close() {
      video.removeAttribute("src");
      URL.revokeObjectURL(address);
    },
  };
}

/** Moves the example through its stages while the clip goes through its own, each as long as the clip's. */
function follower(screen, stages, borders) {
  return (now, playing) => {
    const at = stageAt(stages, now);
    const { start, end } = stages[at];
    const [from, to] = [borders[at] ?? 0, borders[at + 1] ?? borders.at(-1)];
    const share = end > start ? Math.min(1, (now - start) / (end - start)) : 0;
    const wanted = from + share * (to - from);
    const video = screen.video();
    if (!video) return screen.still(wanted);
    video.playbackRate = Math.min(FASTEST, Math.max(SLOWEST, (to - from) / Math.max(end - start, 0.01)));
    if (Math.abs(video.currentTime - wanted) > (playing ? DRIFT : 0.02)) video.currentTime = wanted;
    if (playing) screen.play();
    else screen.pause();
  };
}

/** Where a clip's stages begin, and its end: halfway between frames of two stages. */
function bordersOf({ frames, duration }) {
  const inner = frames.slice(1).flatMap((one, number) => (one.stage === frames[number].stage ? [] : [(one.time + frames[number].time) / 2]));
  return [0, ...inner, duration];
}

function stageAt(stages, now) {
  const at = stages.findLastIndex((one) => one.start <= now);
  return Math.max(0, at);
}

/** The token travels in a header, which a <video> cannot send. */
function fetched(example) {
  return async () => (example.clip ? send("GET", example.clip, { type: "blob" }) : null);
}
