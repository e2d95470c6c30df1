/** The page of `lga serve`: teach actions, recognise them. */

import { send } from "./api.js";
import { cameraTrouble } from "./camera.js";
import { byId, tell } from "./dom.js";
import { guardPage } from "./intake.js";
import { openKept } from "./kept.js";
import { createRecognise } from "./recognise.js";
import { createTeach } from "./teach.js";
import { counted } from "./words.js";

guardPage();
try {
  const settings = { ...(await send("GET", "settings")), noCamera: await cameraTrouble() };
  const { actions } = await send("GET", "actions");
  const recognise = createRecognise(settings, await openKept(), {
    taught: (action) => teach.changed(action.label, action),
    removed: (label) => teach.changed(label, null),
  });
  const teach = createTeach(settings, recognise.choices);
  teach.start(actions);
  await recognise.restore();
  const { lga, backbone } = await send("GET", "healthz");
  const stages = settings.stages === "auto" ? "stages as each action needs" : counted(settings.stages, "stage");
  const looks = `${stages}, ${counted(settings.frames, "frame")} a clip`;
  byId("about").textContent = `lga ${lga}. Backbone ${backbone}; ${looks}. Clips go to the server of this page and nowhere else.`;
} catch (error) {
  tell(byId("problem"), error);
}
document.body.dataset.ready = "true";
