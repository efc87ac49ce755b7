/** All that can be looked at: files that were brought, and live series. */

import { get, remove } from "./api";
import { button, fill, h, link, table } from "./dom";
import { number } from "./format";
import { soon, type Live } from "./live";
import { complain } from "./notice";
import { empty, may, mount, stateWord, time } from "./parts";
import type { DataSet } from "./shapes";

const RENEW_MS = 500;

export async function explore(live: Live): Promise<void> {
  const list = h("section");
  const load = async () => {
    const { items } = await get<{ items: DataSet[] }>("/api/sets");
    fill(list, items.length ? table(["Name", "Kind", "State", "#Rows", "#Anomalies", "#Columns", "Made", ""], items.map((item) => row(item, load))) : empty("Nothing is kept yet: ", link("/upload", "bring a file"), "."));
  };
  await load();
  mount(h("div", { class: "title-bar" }, h("h1", {}, "Explore"), may("ingest") && link("/upload", "Bring a file")), list);
  const renew = soon(() => void load().catch(complain), RENEW_MS);
  live.on("set", renew);
  live.on("reload", renew);
}

function row(item: DataSet, load: () => Promise<void>): (Node | string)[] {
  const drop = () => void remove(`/api/sets/${encodeURIComponent(item.id)}`).then(load).catch(complain);
  const known = (value: number) => (item.state === "ready" ? number(value) : "");
  return [
    h("span", { class: "where" }, link(`/explore/${encodeURIComponent(item.id)}`, item.name)),
    item.kind, stateOf(item), known(item.n_rows), item.kind === "live" ? "" : known(item.n_anomalies), known(item.columns.length), time(item.created),
    item.kind !== "live" && may("ingest") ? button("Delete", drop, { "aria-label": `Delete ${item.name}` }) : "",
  ];
}

/** How far a set is, with a bar while it is worked on. */
export function stateOf(item: DataSet): HTMLElement {
  const bar = item.state === "working" && h("progress", { max: 1, value: item.progress, "aria-label": "Progress" });
  return h("div", {}, stateWord(item.state), bar, item.state !== "ready" && h("small", {}, item.error?.what ?? item.message));
}
