/** Entities by time, how much is open, and how the sources are doing. */

import { get } from "./api";
import { fill, h, link } from "./dom";
import { number, when } from "./format";
import { Lanes } from "./lanes";
import { soon, type Live } from "./live";
import { complain } from "./notice";
import { empty, mount, section, sourcesTable } from "./parts";
import type { OverviewView, Severity } from "./shapes";

const RENEW_MS = 1500;
const SEVERITIES: Severity[] = ["critical", "error", "warning", "info"];

export async function overview(live: Live): Promise<void> {
  const lanes = new Lanes();
  const tiles = h("div", { class: "tiles" });
  const span = h("p", { class: "hint" });
  const none = empty("Nothing has happened in this time.");
  const sources = h("div");
  const legend = h("p", { class: "legend" }, ...SEVERITIES.map((each) => h("span", { class: `severity ${each}` }, each)));
  const load = async () => {
    try {
      draw(await get<OverviewView>("/api/overview"));
    } catch (error) {
      complain(error);
    }
  };
  const draw = (view: OverviewView) => {
    fill(tiles, ...tilesOf(view));
    fill(span, `${when(view.from)} to ${when(view.to)}`);
    none.hidden = view.lanes.length > 0;
    lanes.element.hidden = !view.lanes.length;
    lanes.show(view.lanes, view.from, view.to);
    fill(sources, sourcesTable(view.sources));
  };
  const first = await get<OverviewView>("/api/overview");
  mount(h("h1", {}, "Overview"), tiles, section("Events by entity", h("div", { class: "title-bar" }, span, legend), none, lanes.element), section("Sources", sources));
  draw(first);
  const renew = soon(() => void load(), RENEW_MS);
  for (const kind of ["event", "queue", "source", "reload"] as const) live.on(kind, renew);
}

function tilesOf({ counts }: OverviewView): HTMLElement[] {
  const grave = SEVERITIES.filter((each) => counts.by_severity[each]).map((each) => `${counts.by_severity[each]} ${each}`);
  const tile = (value: number, word: string | Node, more = "") => h("div", { class: "tile" }, h("b", {}, number(value)), h("span", {}, word, more && h("small", {}, more)));
  return [tile(counts.open, "open now", grave.join(", ")), tile(counts.today, "in the last day"), tile(counts.to_judge, link("/queue", "to judge")), tile(counts.entities, "entities")];
}
