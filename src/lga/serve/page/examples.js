/** An action's example clips: film strips that can be removed, and a place for more. */

import { formOf, send } from "./api.js";
import { announce, createConfirmed, h } from "./dom.js";
import { createIntake, createRow } from "./intake.js";
import { addressOf, clock, counted, refusalOf } from "./words.js";

const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting) load(target);
  }
});
const sources = new WeakMap();

/** The examples of one action; `labelled` says its label now, `changed` hears what the server made of it. */
export function createExamples({ settings, labelled, changed }) {
  const list = h("ul", { class: "examples" });
  const sending = h("ol", { class: "sendings" });
  const place = h("div");
  const element = h("div", { class: "clips" }, list, sending, place);
  const tiles = new Map();
  let intake = null;

  async function take(files) {
    const rows = files.map((file) => createRow(file.name));
    sending.append(...rows.map((row) => row.element));
    let added = 0;
    for (const [number, file] of files.entries()) added += await addClip(labelled(), file, rows[number], settings, changed);
    announce(`${counted(added, "clip")} of ${files.length} added to ${labelled()}.`);
  }
  function update(action) {
    const digests = new Set(action.examples.map((one) => one.digest));
    for (const [digest, tile] of tiles) {
      if (digests.has(digest)) continue;
      tile.remove();
      tiles.delete(digest);
    }
    for (const example of action.examples) {
      if (!tiles.has(example.digest)) tiles.set(example.digest, createTile(example, remove));
      list.append(tiles.get(example.digest));
    }
    list.hidden = tiles.size === 0;
  }
  async function remove(example) {
    await send("DELETE", addressOf(labelled(), "examples", example.digest));
    const { action } = await send("GET", addressOf(labelled()));
    announce(`${example.name} is removed.`);
    changed(action);
    intake.focus();
  }
  function name(label) {
    intake = createIntake({ prompt: "Drop example clips here", name: `of ${label}`, settings, take });
    place.replaceChildren(intake.element);
  }
  return { element, update, name, take, focus: () => intake.focus() };
}

/** Send one clip as an example; 1 if it was taken. What was wrong with it stands in its row. */
export async function addClip(label, file, row, settings, changed) {
  if (!row.begin()) return 0;
  const refusal = refusalOf(file, settings.limits);
  if (refusal) {
    row.failed(refusal);
    return 0;
  }
  try {
    const how = { form: formOf("clips", [file]), progress: row.sent, waiting: row.waiting };
    const { action, added, skipped } = await send("POST", addressOf(label, "examples"), how);
    if (skipped.length) row.failed(`left out: ${skipped[0].reason}`);
    else row.element.remove();
    changed(action);
    return added;
  } catch (error) {
    row.failed(error.message);
    return 0;
  }
}

/** An example as a picture, fetched when it comes into sight; `path` is null where its clip is not kept.
 *
 * `name` is "" for mere decoration.
 */
export function createStrip(path, name) {
  if (path === null) return h("p", { class: "absent faint" }, "Its clip is not kept; it counts all the same.");
  const image = h("img", { class: "film", alt: name && `Film strip of ${name}`, decoding: "async" });
  sources.set(image, path);
  seen.observe(image);
  return image;
}

function createTile(example, remove) {
  const gone = createConfirmed({
    name: "Remove",
    about: `Remove ${example.name}`,
    question: () => "Remove this clip?",
    agree: "Remove",
    act: () => remove(example),
  });
  const name = h("span", { class: "name" }, example.name);
  const caption = h("figcaption", {}, name, h("span", { class: "faint" }, clock(example.duration)), gone);
  return h("li", {}, h("figure", {}, createStrip(example.strip, example.name), caption));
}

/** The token travels in a header, which an <img> cannot send. */
async function load(image) {
  seen.unobserve(image);
  try {
    image.src = URL.createObjectURL(await send("GET", sources.get(image), { type: "blob" }));
    image.onload = () => URL.revokeObjectURL(image.src);
  } catch {
    image.replaceWith(h("p", { class: "absent faint" }, "No picture of it can be had."));
  }
}
