/** The server's token: asked for once, kept until the tab is closed. */

import { byId, tell } from "./dom.js";

const KEY = "lga.token";
const WITHOUT = "without its token the server does not answer; reload the page to give it";

let pending = null;

export const tokenKept = () => sessionStorage.getItem(KEY);

/** Ask for another token than the one that was refused; several requests share one question. */
export function askToken(refused) {
  if (tokenKept() !== refused) return Promise.resolve();
  pending ??= ask(refused).finally(() => {
    pending = null;
  });
  return pending;
}

function ask(refused) {
  const dialog = byId("token");
  const value = byId("token-value");
  tell(dialog.querySelector(".error"), refused ? new Error("the server does not know that token") : null);
  value.value = "";
  dialog.returnValue = "";
  byId("token-later").onclick = () => dialog.close();
  dialog.showModal();
  return new Promise((done, fail) => {
    dialog.addEventListener(
      "close",
      () => {
        if (dialog.returnValue !== "go") return fail(new Error(WITHOUT));
        sessionStorage.setItem(KEY, value.value.trim());
        return done();
      },
      { once: true },
    );
  });
}
