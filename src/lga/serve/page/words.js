/** How numbers and origins are said to people. */

const MEGABYTE = 1024 * 1024;

/** Where an action's sentences come from, in a word or two and in a sentence. */
const ORIGINS = {
  lexicon: ["dictionary", "These sentences come from the built-in dictionary."],
  file: ["yours", "You wrote these sentences."],
  llm: ["language model", "A language model wrote these sentences; read them with care."],
  template: [
    "not written yet",
    "Nobody has written sentences for this action yet; these only repeat its name. Say what is seen in each stage: " +
      "it helps.",
  ],
};

export const percent = (share) => `${Math.round(100 * share)}\u202f%`;

export const clock = (seconds) => `${seconds.toFixed(2)}\u202fs`;

/** A similarity or a distance; never "-0.00". */
export const figure = (value) => (Math.abs(value) < 0.005 ? 0 : value).toFixed(2);

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const counted = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;

/** A size for people: one figure after the point while it says something. */
export function megabytes(bytes) {
  const size = bytes / MEGABYTE;
  return `${size < 10 ? size.toFixed(1) : Math.round(size)}\u202fMB`;
}

export function originOf(action) {
  const [short, long] = ORIGINS[action.origin] ?? [action.origin, ""];
  return { short, long: action.detail && action.origin !== "template" ? `${long.replace(/\.$/, "")} (${action.detail}).` : long };
}

/** An action's address on the server, its examples' and their parts'. */
export function addressOf(label, ...rest) {
  return ["actions", label, ...rest].map(encodeURIComponent).join("/");
}

/** Why a file need not even be sent; "" if it may be. */
export function refusalOf(file, limits) {
  if (file.size === 0) return "the file is empty";
  if (file.size > limits.bytes) return `it has ${megabytes(file.size)}; at most ${megabytes(limits.bytes)} are taken`;
  return "";
}
