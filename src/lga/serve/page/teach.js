/** The list of taught actions, and how one is added. */

import { send } from "./api.js";
import { createCard } from "./card.js";
import { announce, busy, byId } from "./dom.js";

const FINDABLE = 8;
const motion = window.matchMedia("(prefers-reduced-motion: reduce)");

/** Fill the section; `heard` gets the actions, by name, whenever they change. */
export function createTeach(settings, heard) {
  const cards = new Map();
  const form = byId("add");
  const field = byId("label");

  function start(actions) {
    for (const action of actions) place(action);
    tidy();
  }
  function place(action) {
    const card = createCard(action, { settings, changed });
    cards.set(action.label, card);
    byId("actions").append(card.element);
    return card;
  }
  /** What the server says about an action now: new to this page, changed, renamed or gone (null). */
  function changed(before, action) {
    const card = cards.get(before) ?? place(action);
    cards.delete(before);
    if (action === null) {
      const next = card.element.nextElementSibling ?? card.element.previousElementSibling;
      card.element.remove();
      (next?.querySelector("summary") ?? field).focus();
    } else {
      cards.set(action.label, card);
      card.update(action);
    }
    tidy();
  }
  function tidy() {
    byId("steps").hidden = cards.size > 0;
    byId("find").hidden = cards.size < FINDABLE;
    byId("add").classList.toggle("first", cards.size === 0);
    const actions = [...cards.values()].map((card) => card.action());
    heard(actions.sort((one, other) => one.label.localeCompare(other.label)));
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(form.querySelector("button"), form.querySelector(".error"), async () => {
      const { action } = await send("POST", "actions", { json: { label: field.value.trim(), sentences: null } });
      field.value = "";
      const card = place(action);
      tidy();
      card.open();
      card.element.scrollIntoView({ block: "nearest", behavior: motion.matches ? "auto" : "smooth" });
      card.choose();
      announce(`${action.label} is added. Now give it example clips.`);
    });
  });
  byId("wanted").addEventListener("input", () => {
    const wanted = byId("wanted").value.trim().toLowerCase();
    for (const [label, card] of cards) card.element.hidden = !label.toLowerCase().includes(wanted);
  });
  return { start, changed };
}
