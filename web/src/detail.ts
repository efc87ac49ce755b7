/** One event in full: what it says, what was usual, how it looked, what is like it. */

import { get, post } from "./api";
import { Chart } from "./chart";
import { button, fill, h, link, table } from "./dom";
import { ago, count, lasting, number, when } from "./format";
import { complain, say } from "./notice";
import { badge, eventAddress, eventLine, may, placeOf, section, time, verdictButtons, verdictWord } from "./parts";
import type { EventView, Happening, Verdict } from "./shapes";

const PANELS = 4;
const PANEL_HEIGHT = 110;
const MOST_KEPT = 24;

/** Views of events that were asked for lately. */
const kept = new Map<string, Promise<EventView>>();

/** All of an event; asked for once, until `forget`. */
export function eventView(id: string): Promise<EventView> {
  const found = kept.get(id) ?? get<EventView>(`/api${eventAddress(id)}`);
  kept.delete(id);
  kept.set(id, found);
  found.catch(() => kept.delete(id));
  for (const oldest of kept.keys()) {
    if (kept.size <= MOST_KEPT) break;
    kept.delete(oldest);
  }
  return found;
}

export function forget(id?: string): void {
  if (id === undefined) kept.clear();
  else kept.delete(id);
}

/** Shows one event after the other in the same place. */
export class Detail {
  readonly element = h("article", { class: "detail", "aria-label": "Event" });
  private chart: Chart | null = null;
  private current: string | null = null;
  private explained = false;

  constructor(
    private readonly label: (event: Happening, verdict: Verdict) => void,
    private readonly level: "h1" | "h2",
  ) {}

  /** Show an event at once as far as it is known, and the rest when it has come. */
  show(event: Happening | null): void {
    if (event && this.current === event.id) return;
    this.chart?.destroy();
    this.chart = null;
    this.current = event?.id ?? null;
    this.element.dataset["id"] = this.current ?? "";
    fill(this.element, ...(event ? this.head(event) : []));
    if (!event) return;
    eventView(event.id)
      .then((view) => this.current === event.id && this.rest(view))
      .catch(complain);
  }

  /** Ask for all anew. */
  renew(event: Happening): void {
    forget(event.id);
    this.current = null;
    this.show(event);
  }

  /** Open or close the explanation. */
  explain(): void {
    this.explained = !this.explained;
    for (const each of this.element.querySelectorAll<HTMLDetailsElement>("details.why")) each.open = this.explained;
  }

  private head(event: Happening): Node[] {
    const end = event.ended ?? event.updated;
    const span = end - event.opened >= 1 ? `, for ${lasting(end - event.opened)}` : "";
    return [
      h(this.level, { class: "title" }, event.kind, " ", h("small", { class: "where" }, placeOf(event))),
      h("p", { class: "facts" }, badge(event.severity), " ", event.state, ", ", h("time", { title: ago(event.opened) }, when(event.opened)), span, ` · ${count(event.n_alarms, "alarm")}`),
      h("p", { class: "says" }, event.reason || "No reason was given."),
      may("label") ? verdictButtons(event.verdict, (verdict) => this.label(event, verdict), true) : h("p", { class: "hint" }, "This token may not label."),
      this.why(event),
      this.values(event),
    ];
  }

  private why(event: Happening): HTMLElement {
    const lines: [string, string][] = [
      ["Place", `${number(event.place)}: ${event.why_here}`],
      ["Score", number(event.score)],
      ["p-value", number(event.p_value)],
      ["Asked", event.question ? `because it is ${event.question}` : "by its place"],
    ];
    if (event.hidden) lines.push(["Hidden", event.hidden]);
    const facts = lines.map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text)));
    return h("details", { class: "why", open: this.explained }, h("summary", {}, "Why it stands here"), h("dl", { class: "pairs" }, ...facts));
  }

  private values(event: Happening): HTMLElement {
    const rows = Object.entries(event.values).map(([column, value]) => [
      h("span", { class: "where" }, column),
      h("b", { class: "mark" }, number(value)),
      event.usual[column] ?? "",
    ]);
    return rows.length ? table(["Column", "#Value", "Usually"], rows) : h("span");
  }

  private rest(view: EventView): void {
    const { event } = view;
    this.element.append(this.taking(event));
    if (view.series) {
      const end = event.ended ?? event.updated;
      this.chart = new Chart({
        setId: view.series.set_id, columns: view.series.columns.slice(0, PANELS), from: view.series.from, to: Math.max(end + 60, Math.min(view.series.to, Date.now() / 1000)),
        entity: event.entity, mark: [event.opened, Math.max(end, event.opened)], isTime: true, height: PANEL_HEIGHT, failed: () => this.lost(),
      });
      this.element.append(section("Readings", h("p", { class: "hint" }, "The event is marked; where a band is shaded, it is what was expected."), this.chart.element));
    }
    if (view.similar.length) this.element.append(section("Like it", list(view.similar.map((each) => [eventLine(each.event), each.event.verdict && h("b", {}, ` ${verdictWord(each.event.verdict)} `), h("small", {}, each.why)]))));
    if (view.labels.length) this.element.append(section("What was said", list(view.labels.map((label) => [h("b", {}, verdictWord(label.verdict)), ` by ${label.author}, ${ago(label.at)}${label.reason ? `: ${label.reason}` : ""}`]))));
    if (view.near.length) this.element.append(section("Around the same time", list(view.near.map((each) => [link(eventAddress(each.id), each.kind), " ", time(each.opened), h("small", {}, each.reason)]))));
  }

  private lost(): void {
    this.chart?.element.replaceChildren(h("p", { class: "empty" }, "Its readings are not kept any more."));
  }

  private taking(event: Happening): HTMLElement {
    const box = h("p", { class: "taking" });
    const shown = (by: string | null, at: number | null) =>
      fill(box, by ? `Taken on by ${by} ${ago(at)}.` : may("label") ? button("Acknowledge", take) : "", " ", link(silenceAddress(event), "Silence…"), this.level === "h2" && " ", this.level === "h2" && link(eventAddress(event.id), "Open"));
    const take = () =>
      post<{ event: Happening }>(`/api${eventAddress(event.id)}/acknowledge`)
        .then((told) => {
          forget(event.id);
          shown(told.event.acknowledged_by, told.event.acknowledged_at);
          say("Acknowledged.");
        })
        .catch(complain);
    shown(event.acknowledged_by, event.acknowledged_at);
    return box;
  }
}

function list(items: (Node | string | null | false)[][]): HTMLElement {
  return h("ul", { class: "plain" }, ...items.map((parts) => h("li", {}, ...parts)));
}

function silenceAddress(event: Happening): string {
  const asked = new URLSearchParams({ source: event.source, entity: event.entity ?? "*", kind: event.kind });
  return `/silences?${asked}`;
}
