/** Brings a file, and follows it until it is looked through. */

import { get, send } from "./api";
import { fill, h } from "./dom";
import { stateOf } from "./explore";
import type { Live } from "./live";
import { complain } from "./notice";
import type { DataSet } from "./shapes";

const ASK_MS = 1000;

export async function upload(live: Live): Promise<void> {
  const form = document.querySelector<HTMLFormElement>("#upload");
  if (!form) return;
  const go = form.querySelector("button")!;
  const shown = form.parentElement!.appendChild(h("div", { class: "progress", role: "status" }));
  let mine: string | null = null;
  const told = (item: DataSet) => {
    if (item.id !== mine) return;
    fill(shown, stateOf(item));
    if (item.state === "ready") location.assign(`/explore/${encodeURIComponent(item.id)}`);
    if (item.state === "failed") go.disabled = false;
    if (item.state === "failed" && item.error?.mend) shown.append(h("p", {}, `To mend it: ${item.error.mend}.`));
  };
  live.on("set", told);
  setInterval(() => mine && go.disabled && void get<DataSet>(`/api/sets/${encodeURIComponent(mine)}`).then(told).catch(complain), ASK_MS);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go.disabled = true;
    bring(form, shown)
      .then((item) => {
        mine = item.id;
        told(item);
      })
      .catch((error) => {
        go.disabled = false;
        complain(error);
      });
  });
}

function bring(form: HTMLFormElement, shown: HTMLElement): Promise<DataSet> {
  const bar = h("progress", { max: 1, value: 0, "aria-label": "Sent" });
  fill(shown, bar, h("small", {}, "sending"));
  return send<DataSet>("/api/sets", new FormData(form), (share) => (bar.value = share));
}
