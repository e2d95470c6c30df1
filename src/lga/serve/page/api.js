/** The server, spoken to in one way: its token, its "busy" and its errors are dealt with here. */

import { askToken, tokenKept } from "./token.js";

const TRIES = 6;
const LONGEST_WAIT = 30;

/** What the server refused, in its own words. */
export class Refusal extends Error {}

/**
 * Send a request and give back what came: parsed JSON, or a Blob where `type` is "blob".
 *
 * `progress` hears the share that is sent, `waiting` hears how many seconds a busy server asks for.
 */
export async function send(method, path, { json, form, type = "json", progress, waiting } = {}) {
  for (let attempt = 1; ; attempt += 1) {
    const token = tokenKept();
    const reply = await exchange(method, path, { json, form, token, progress });
    if (reply.status === 401) {
      await askToken(token);
    } else if ([429, 503].includes(reply.status) && attempt < TRIES) {
      const seconds = secondsOf(reply);
      waiting?.(seconds);
      await new Promise((done) => setTimeout(done, 1000 * seconds));
    } else if (reply.status < 200 || reply.status > 299) {
      throw new Refusal(await reasonOf(reply));
    } else {
      return type === "blob" ? reply.response : JSON.parse((await reply.response.text()) || "null");
    }
  }
}

/** A form with files under one name. */
export function formOf(name, files) {
  const form = new FormData();
  for (const file of files) form.append(name, file, file.name);
  return form;
}

/** One request; XMLHttpRequest because only it says how much of an upload has been sent. */
function exchange(method, path, { json, form, token, progress }) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open(method, new URL(path.replace(/^\//, ""), document.baseURI));
    request.responseType = "blob";
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    if (json !== undefined) request.setRequestHeader("Content-Type", "application/json");
    request.upload.onprogress = (event) => event.lengthComputable && progress?.(event.loaded / event.total);
    request.onloadend = () => done(request);
    request.send(json === undefined ? (form ?? null) : JSON.stringify(json));
  });
}

function secondsOf(reply) {
  const asked = Number.parseFloat(reply.getResponseHeader("Retry-After") ?? "");
  return Math.min(LONGEST_WAIT, Math.max(1, Number.isFinite(asked) ? asked : 2));
}

async function reasonOf(reply) {
  if (reply.status === 0) return "the server does not answer; is `lga serve` still running?";
  const text = reply.response ? await reply.response.text() : "";
  try {
    return JSON.parse(text).error ?? `the server said ${reply.status}`;
  } catch {
    return `the server said ${reply.status} ${reply.statusText}`;
  }
}
