/** A clip from the webcam: count down, record, look at it, use it or not. */

import { byId, h, tell } from "./dom.js";
import { counted } from "./words.js";

const KINDS = ["video/webm;codecs=vp8", "video/webm", "video/mp4"];
const LENGTHS = [2, 3, 4, 6, 10];
const USUAL = 3;
const COUNT_FROM = 3;
const NO_CAMERA = "There is no camera here; clips come from files.";

/** Why nothing can be recorded here; "" if it can. */
export async function cameraTrouble() {
  if (!window.isSecureContext) return "Recording needs a secure page: https, or the computer that serves it.";
  if (!navigator.mediaDevices || !window.MediaRecorder) return "This browser cannot record; clips come from files.";
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.some((one) => one.kind === "videoinput") ? "" : NO_CAMERA;
}

/** Record a clip in a dialog; null if none was made or it was discarded. */
export async function record(longest) {
  const parts = partsOf(byId("camera"));
  const closed = new AbortController();
  let file = null;
  let stream = null;
  const on = (element, kind, act) => element.addEventListener(kind, act, { signal: closed.signal });
  on(parts.discard, "click", () => parts.dialog.close());
  on(parts.use, "click", () => parts.dialog.close("use"));
  on(parts.record, "click", async () => {
    file = await film(stream, parts, closed.signal);
    if (file) show(parts, "replay", file);
  });
  offerLengths(parts.length, longest);
  show(parts, "live");
  parts.dialog.returnValue = "";
  parts.dialog.showModal();
  const over = new Promise((done) => on(parts.dialog, "close", done));
  stream = await openCamera(parts);
  await over;
  closed.abort();
  stream?.getTracks().forEach((track) => track.stop());
  show(parts, "live");
  return parts.dialog.returnValue === "use" ? file : null;
}

/** Ask for the camera; what is wrong with it stands in the dialog. */
async function openCamera(parts) {
  tell(parts.error, null);
  parts.record.disabled = true;
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 } }, audio: false });
    parts.live.srcObject = stream;
    parts.record.disabled = false;
    parts.record.focus();
    return stream;
  } catch (error) {
    const denied = error.name === "NotAllowedError";
    tell(parts.error, new Error(denied ? "the camera may not be used here; allow it beside the address" : NO_CAMERA));
    parts.discard.focus();
    return null;
  }
}

/** Count down, record for the chosen time, and give the file; null if the dialog was closed meanwhile. */
async function film(stream, parts, signal) {
  show(parts, "live");
  const seconds = Number(parts.length.value);
  [parts.record.disabled, parts.length.disabled] = [true, true];
  for (let left = COUNT_FROM; left > 0 && !signal.aborted; left -= 1) {
    parts.count.textContent = String(left);
    await pause(1000);
  }
  parts.count.textContent = "";
  parts.running.hidden = false;
  const file = signal.aborted ? null : await capture(stream, seconds, signal, (share) => (parts.running.value = share));
  parts.running.hidden = true;
  [parts.record.disabled, parts.length.disabled] = [false, false];
  return signal.aborted ? null : file;
}

async function capture(stream, seconds, signal, progress) {
  const kind = KINDS.find((one) => MediaRecorder.isTypeSupported(one)) ?? "";
  const recorder = new MediaRecorder(stream, kind ? { mimeType: kind, videoBitsPerSecond: 2_500_000 } : {});
  const pieces = [];
  recorder.ondataavailable = (event) => pieces.push(event.data);
  const stopped = new Promise((done) => (recorder.onstop = done));
  recorder.start();
  const from = performance.now();
  while (performance.now() - from < 1000 * seconds && !signal.aborted) {
    progress((performance.now() - from) / (1000 * seconds));
    await pause(50);
  }
  recorder.stop();
  await stopped;
  const type = recorder.mimeType.split(";")[0];
  const moment = new Date().toTimeString().slice(0, 8).replaceAll(":", ".");
  return new File(pieces, `webcam ${moment}.${type === "video/mp4" ? "mp4" : "webm"}`, { type });
}

/** Show what the camera sees, or what it recorded. */
function show(parts, what, file = null) {
  const replay = what === "replay";
  if (parts.replay.src) URL.revokeObjectURL(parts.replay.src);
  parts.replay.removeAttribute("src");
  [parts.live.hidden, parts.replay.hidden, parts.use.hidden] = [replay, !replay, !replay];
  parts.record.textContent = replay ? "Record again" : "Record";
  parts.record.classList.toggle("primary", !replay);
  parts.discard.textContent = replay ? "Discard" : "Close";
  parts.count.textContent = "";
  if (!replay) return;
  parts.replay.src = URL.createObjectURL(file);
  parts.replay.play().catch(() => {});
  parts.use.focus();
}

function offerLengths(select, longest) {
  const kept = Number(select.value) || USUAL;
  const offered = LENGTHS.filter((one) => one <= longest);
  select.replaceChildren(...offered.map((one) => h("option", { value: one, selected: one === kept }, counted(one, "second"))));
}

function partsOf(dialog) {
  const names = ["live", "replay", "count", "running", "length", "discard", "record", "use"];
  return { dialog, error: dialog.querySelector(".error"), ...Object.fromEntries(names.map((id) => [id, byId(id)])) };
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
