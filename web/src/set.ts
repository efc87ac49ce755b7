/** A set: its lines, zoomed over millions of rows; spans to label; rows by their score, and all of one row. */

import { address, get, post } from "./api";
import { Chart } from "./chart";
import { button, fill, h, link, table } from "./dom";
import { stateOf } from "./explore";
import { number, when } from "./format";
import { listen } from "./keys";
import type { Live } from "./live";
import { complain, say } from "./notice";
import { empty, may, mount, section, verdictButtons, verdictWord } from "./parts";
import { rowPart } from "./row";
import type { DataSet, Row, RowView, Verdict } from "./shapes";

const SHOWN = 4;
const MOST_SHOWN = 12;
const PAGE = 50;
const HEIGHT = 120;

export async function set(live: Live): Promise<void> {
  const id = decodeURIComponent(location.pathname.split("/")[2] ?? "");
  let drawn = false;
  const draw = (item: DataSet) => {
    if (item.id !== id || drawn) return;
    drawn = item.state === "ready";
    if (drawn) new SetView(item).open();
    else mount(h("h1", {}, item.name), h("section", {}, stateOf(item), item.error?.mend && h("p", {}, `To mend it: ${item.error.mend}.`)));
  };
  live.on("set", draw);
  draw(await get<DataSet>(`/api/sets/${encodeURIComponent(id)}`));
}

class SetView {
  private readonly base: string;
  private readonly numbers: string[];
  private columns: string[];
  private entity: string | null;
  private readonly chart: Chart | null;
  private readonly read = h("p", { class: "hint", role: "status" });
  private readonly brush = h("div", { class: "brush", hidden: true });
  private readonly rows = h("div");
  private readonly row = h("div");
  private order: "score" | "row" = "score";
  private offset = 0;
  private span: [number, number] | null = null;

  constructor(private readonly item: DataSet) {
    this.base = `/api/sets/${encodeURIComponent(item.id)}`;
    this.numbers = item.columns.filter((column) => column.kind === "number").map((column) => column.name);
    const asked = new URLSearchParams(location.search);
    this.columns = asked.getAll("columns").filter((name) => this.numbers.includes(name)).slice(0, MOST_SHOWN);
    if (!this.columns.length) this.columns = this.numbers.slice(0, SHOWN);
    this.entity = asked.get("entity") ?? (item.kind === "series" ? (item.entities[0] ?? null) : null);
    const bound = (name: string) => (asked.has(name) && Number.isFinite(Number(asked.get(name))) ? Number(asked.get(name)) : null);
    this.chart = this.numbers.length
      ? new Chart({
          setId: item.id, columns: this.columns, entity: this.entity, from: bound("from"), to: bound("to"), isTime: this.isTime, height: HEIGHT,
          moved: (from, to) => this.moved(from, to), brushed: (from, to) => this.brushed(from, to), failed: complain,
        })
      : null;
  }

  open(): void {
    const { item } = this;
    const facts = `${item.kind} · ${number(item.n_rows)} rows · ${item.kind === "live" ? "" : `${number(item.n_anomalies)} anomalies · `}${number(item.columns.length)} columns`;
    const links = item.has_report && h("p", { class: "bar" }, link(`${this.base}/report`, "Report"), link(`${this.base}/result.csv`, "Result as CSV"));
    const listed = section("Rows", this.orders(), this.rows);
    mount(
      h("h1", {}, item.name), h("p", { class: "hint" }, facts), links, ...item.notes.map((note) => h("p", { class: "hint" }, note)),
      this.chart ? section("Lines", this.bar(), this.read, this.brush, this.chart.element) : empty("No column of numbers is there to draw."),
      this.row, listed,
    );
    void this.load();
    const asked = new URLSearchParams(location.search).get("row");
    if (asked) void this.show(Number(asked), false);
    this.keys();
    addEventListener("popstate", () => {
      const now = new URLSearchParams(location.search).get("row");
      if (now) void this.show(Number(now), false);
      else fill(this.row);
    });
  }

  private get isTime(): boolean {
    return this.item.time_column !== null || this.item.kind === "live";
  }

  private keys(): void {
    const { chart } = this;
    if (!chart) return;
    listen([
      { key: "+", word: "narrower", act: () => chart.zoom(0.5) },
      { key: "-", word: "wider", act: () => chart.zoom(2) },
      { key: "h", word: "to the left", act: () => chart.pan(-0.3) },
      { key: "l", word: "to the right", act: () => chart.pan(0.3) },
      { key: "0", word: "all", act: () => chart.show(null, null) },
    ]);
  }

  private bar(): HTMLElement {
    const chart = this.chart!;
    const label = may("label") && button("Label a span", () => mode(!chart.brushing), { "aria-pressed": "false" });
    const mode = (on: boolean) => {
      chart.brushing = on;
      if (label) label.setAttribute("aria-pressed", String(on));
      this.brush.hidden = !on;
      fill(this.brush, on ? h("p", { class: "hint" }, "Drag over a span, and say what it is.") : null);
    };
    return h(
      "div", { class: "bar" }, this.entities(), this.choice(),
      button("+", () => chart.zoom(0.5), { "aria-label": "Narrower" }), button("−", () => chart.zoom(2), { "aria-label": "Wider" }),
      button("◀", () => chart.pan(-0.3), { "aria-label": "To the left" }), button("▶", () => chart.pan(0.3), { "aria-label": "To the right" }),
      button("All", () => chart.show(null, null)), label,
    );
  }

  private entities(): HTMLElement | null {
    const { entities, kind } = this.item;
    if (entities.length < 2) return null;
    const options = [...(kind === "series" ? [] : [""]), ...entities].map((name) => h("option", { value: name, selected: name === (this.entity ?? "") }, name || "all entities"));
    const chosen = h("select", { "aria-label": "Entity", onchange: () => this.choose(this.columns, chosen.value || null) }, ...options);
    return chosen;
  }

  private choice(): HTMLElement {
    const boxes = this.numbers.map((name) => {
      const box = h("input", { type: "checkbox", checked: this.columns.includes(name), onchange: () => this.toggle(name, box) });
      return h("label", {}, box, " ", name);
    });
    return h("details", { class: "choice" }, h("summary", {}, "Columns"), h("div", { class: "choices" }, ...boxes));
  }

  private toggle(name: string, box: HTMLInputElement): void {
    const chosen = this.numbers.filter((each) => (each === name ? box.checked : this.columns.includes(each)));
    if (chosen.length && chosen.length <= MOST_SHOWN) return this.choose(chosen, this.entity);
    box.checked = !box.checked;
    say(`One to ${MOST_SHOWN} columns are drawn.`);
  }

  private choose(columns: string[], entity: string | null): void {
    [this.columns, this.entity] = [columns, entity];
    this.chart?.choose(columns, entity);
  }

  private moved(from: number, to: number): void {
    const place = (at: number) => (this.isTime ? when(at) : `row ${number(Math.round(at))}`);
    fill(this.read, `${place(from)} to ${place(to)}. Drag or turn the wheel to zoom, shift and drag to move, double-click for all.`);
    const asked = new URLSearchParams(location.search);
    asked.set("from", String(from));
    asked.set("to", String(to));
    history.replaceState(null, "", `${location.pathname}?${asked}`);
  }

  private brushed(from: number, to: number): void {
    this.span = [from, to];
    const place = (at: number) => (this.isTime ? when(at) : `row ${number(Math.round(at))}`);
    const reason = h("input", { placeholder: "Why", "aria-label": "Why", maxlength: 2000 });
    const act = (verdict: Verdict) => this.label({ starts: this.span![0], ends: this.span![1], entity: this.entity, reason: reason.value }, verdict);
    fill(this.brush, h("p", {}, `${place(from)} to ${place(to)}`), reason, verdictButtons(null, act));
  }

  private label(what: Record<string, unknown>, verdict: Verdict): void {
    post("/api/labels", { source: this.item.label_source, verdict, ...what })
      .then(() => {
        say(`Said: ${verdictWord(verdict)}.`);
        return this.load();
      })
      .catch(complain);
  }

  private orders(): HTMLElement {
    const chosen = h("select", { onchange: () => this.turn(0, chosen.value as "score" | "row") }, h("option", { value: "score" }, "the oddest first"), h("option", { value: "row" }, "as they stand"));
    return h("div", { class: "bar" }, h("label", {}, "Order ", chosen), button("Before", () => this.turn(this.offset - PAGE)), button("After", () => this.turn(this.offset + PAGE)));
  }

  private turn(offset: number, order = this.order): void {
    if (offset < 0 || offset >= this.item.n_rows) return;
    [this.offset, this.order] = [offset, order];
    void this.load();
  }

  private async load(): Promise<void> {
    try {
      const { items } = await get<{ items: Row[] }>(address(`${this.base}/rows`, { order: this.order, offset: this.offset, limit: PAGE }));
      fill(this.rows, items.length ? table(["#Row", this.isTime ? "When" : "", "Entity", "#Score", "#p", "What", "Verdict"], items.map((row) => this.line(row))) : empty("There are no rows."));
    } catch (error) {
      complain(error);
    }
  }

  private line(row: Row): (Node | string)[] {
    const open = h("a", { href: `?row=${row.row}`, class: row.is_anomaly ? "mark" : null, onclick: (event: Event) => {
      event.preventDefault();
      void this.show(row.row, true);
    } }, number(row.row));
    const values = Object.entries(row.values).slice(0, 4).map(([name, value]) => `${name} ${number(value)}`).join(", ");
    return [open, row.time === null ? "" : when(row.time), h("span", { class: "where" }, row.entity ?? ""), number(row.score), number(row.p_value), h("div", { class: "what" }, row.reason || values), row.verdict ? verdictWord(row.verdict) : ""];
  }

  /** Show one row; as a step that "back" takes back, or not. */
  private async show(row: number, step: boolean): Promise<void> {
    try {
      const view = await get<RowView>(`${this.base}/rows/${row}`);
      if (step) {
        const asked = new URLSearchParams(location.search);
        asked.set("row", String(row));
        history.pushState(null, "", `${location.pathname}?${asked}`);
      }
      const label = may("label") ? (verdict: Verdict) => this.label({ row_key: String(row), entity: view.entity }, verdict) : null;
      fill(this.row, rowPart(view, label, (near) => void this.show(near, true)));
      this.row.scrollIntoView({ block: "nearest" });
    } catch (error) {
      complain(error);
    }
  }
}
