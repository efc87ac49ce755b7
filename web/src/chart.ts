/** Lines of a set over time, drawn from viewports: drag zooms, the wheel zooms, shift and drag moves. */

import uPlot from "uplot";

import { address, getBytes } from "./api";
import { fill, h } from "./dom";
import { number, tick } from "./format";
import { decode, type Viewport } from "./viewport";

export interface Options {
  setId: string;
  columns: string[];
  entity?: string | null;
  from: number | null;
  to: number | null;
  /** A span to point out. */
  mark?: [number, number] | null;
  /** Whether the axis is of time; otherwise of rows. */
  isTime: boolean;
  height: number;
  /** Is told what is shown after each zoom. */
  moved?: (from: number, to: number) => void;
  /** Is told of a span that was drawn while `brushing`. */
  brushed?: (from: number, to: number) => void;
  failed: (error: unknown) => void;
}

const PATIENCE = 30;
const RESTED = 200;
const LEAST_SPAN = 1e-6;

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Panels, one for each column, which move together. */
export class Chart {
  readonly element = h("div", { class: "chart" });
  /** Whether a drag marks a span, and does not zoom. */
  brushing = false;
  private plots: uPlot[] = [];
  private shown: Viewport | null = null;
  private range: [number, number] | null;
  private whole: [number, number] | null = null;
  private asking: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private turnedAt = -Infinity;
  private readonly watcher: ResizeObserver;
  private readonly scheme = matchMedia("(prefers-color-scheme: dark)");
  private width = 0;

  constructor(private readonly options: Options) {
    this.range = options.from === null || options.to === null ? null : [options.from, options.to];
    this.watcher = new ResizeObserver(() => this.resized());
    this.watcher.observe(this.element);
    this.scheme.addEventListener("change", this.draw);
  }

  /** Hold nothing any more. */
  destroy(): void {
    this.watcher.disconnect();
    this.scheme.removeEventListener("change", this.draw);
    this.asking?.abort();
    clearTimeout(this.timer);
    this.plots.forEach((plot) => plot.destroy());
    this.plots = [];
  }

  /** Show other columns or another entity. */
  choose(columns: string[], entity: string | null): void {
    this.options.columns = columns;
    this.options.entity = entity;
    void this.load();
  }

  /** Show a span; null shows all. */
  show(from: number | null, to: number | null): void {
    this.range = from === null || to === null || to - from < LEAST_SPAN ? null : [from, to];
    const range = this.range ?? this.whole;
    if (range) {
      for (const plot of this.plots) plot.setScale("x", { min: range[0], max: range[1] });
    }
    // The first turn of a wheel is answered at once; of those that follow on its heels, the last.
    const now = performance.now(), isFirst = now - this.turnedAt > RESTED;
    this.turnedAt = now;
    clearTimeout(this.timer);
    if (isFirst) void this.load();
    else this.timer = setTimeout(() => void this.load(), PATIENCE);
  }

  /** Widen (above 1) or narrow what is shown around a place of it, 0 to 1. */
  zoom(factor: number, around = 0.5): void {
    const range = this.range ?? this.whole;
    if (!range) return;
    const [from, to] = range;
    const centre = from + around * (to - from);
    const [left, right] = [centre - factor * (centre - from), centre + factor * (to - centre)];
    if (this.whole && left <= this.whole[0] && right >= this.whole[1]) this.show(null, null);
    else this.show(left, right);
  }

  /** Move by a share of what is shown. */
  pan(share: number): void {
    const range = this.range ?? this.whole;
    if (range) this.show(range[0] + share * (range[1] - range[0]), range[1] + share * (range[1] - range[0]));
  }

  /** Ask for what is to be shown, and draw it. */
  async load(): Promise<void> {
    this.asking?.abort();
    this.asking = new AbortController();
    const { setId, columns, entity } = this.options;
    const [from, to] = this.range ?? [null, null];
    const width = Math.max(200, Math.round(this.element.clientWidth));
    try {
      const asked = { from, to, width, columns, entity };
      const bytes = await getBytes(address(`/api/sets/${encodeURIComponent(setId)}/view`, asked), this.asking.signal);
      this.shown = decode(bytes);
    } catch (error) {
      if (!(error instanceof DOMException)) this.options.failed(error);
      return;
    }
    if (!this.range) this.whole = [this.shown.from, this.shown.to];
    this.draw();
    const [left, right] = this.range ?? this.whole!;
    this.options.moved?.(left, right);
  }

  private resized(): void {
    const width = this.element.clientWidth;
    if (width === this.width) return;
    this.width = width;
    if (this.shown) this.draw();
    else if (width) void this.load();
  }

  private readonly draw = (): void => {
    const view = this.shown;
    if (!view || !this.element.isConnected) return;
    this.plots.forEach((plot) => plot.destroy());
    const sync = uPlot.sync(`chart-${this.options.setId}`);
    const panels = this.options.columns.map(() => h("div", { class: "panel" }));
    fill(this.element, ...panels);
    this.plots = this.options.columns.map((name, k) => this.panel(panels[k]!, view, name, k, sync.key));
  };

  private panel(parent: HTMLElement, view: Viewport, name: string, k: number, sync: string): uPlot {
    const column = view.columns[k];
    const nothing = new Float64Array(view.times.length).fill(NaN);
    const parts = [view.times, column?.line ?? nothing, column?.low ?? nothing, column?.high ?? nothing];
    const data = parts.map((part, i) => (i ? Array.from(part, (value) => (Number.isNaN(value) ? null : value)) : Array.from(part)));
    const soft = colour("soft");
    const line = colour("line");
    const isLast = k === this.options.columns.length - 1;
    const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 4 }, font: "11px system-ui" };
    const plot = new uPlot(
      {
        width: this.element.clientWidth,
        height: this.options.height + (isLast ? 26 : 0),
        title: name,
        padding: [6, 12, 0, 0],
        legend: { show: false },
        tzDate: (stamp: number) => uPlot.tzDate(new Date(stamp * 1e3), "UTC"),
        cursor: { sync: { key: sync, scales: ["x", null] }, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
        scales: { x: { time: this.options.isTime, range: () => this.range ?? this.whole ?? [view.from, view.to] } },
        axes: [
          { ...axis, show: true, size: isLast ? 30 : 4, values: (_plot, ticks, _axis, _space, apart) => (isLast ? ticks.map((at) => (this.options.isTime ? tick(at, apart) : number(at))) : []) },
          { ...axis, size: 58, values: (_plot, ticks) => ticks.map((at) => number(at)) },
        ],
        series: [
          {},
          { label: name, stroke: colour("accent"), width: 1.3, points: { show: view.raw && view.times.length < 60 } },
          { label: "low", stroke: "transparent", points: { show: false } },
          { label: "high", stroke: "transparent", points: { show: false } },
        ],
        bands: [{ series: [3, 2], fill: colour("expected") }],
        hooks: {
          drawClear: [(each) => this.point(each)],
          draw: [(each) => this.dots(each, view, column?.line ?? nothing)],
          setSelect: [(each) => this.selected(each)],
          ready: [(each) => this.wheel(each)],
        },
      },
      data as uPlot.AlignedData,
      parent,
    );
    plot.root.querySelector(".u-title")?.setAttribute("title", name);
    return plot;
  }

  /** The span that is pointed out, behind the lines. */
  private point(plot: uPlot): void {
    const { mark } = this.options;
    if (!mark) return;
    const { left, top, width, height } = plot.bbox;
    const a = Math.max(plot.valToPos(mark[0], "x", true), left);
    const b = Math.min(plot.valToPos(mark[1], "x", true), left + width);
    if (b < left || a > left + width) return;
    plot.ctx.save();
    plot.ctx.fillStyle = colour("pointed");
    plot.ctx.fillRect(a, top, Math.max(b - a, 3), height);
    plot.ctx.restore();
  }

  /** Anomalies, on the line and at its foot. */
  private dots(plot: uPlot, view: Viewport, line: Float64Array): void {
    const { top, height, left, width } = plot.bbox;
    const ratio = devicePixelRatio || 1;
    const { ctx } = plot;
    ctx.save();
    ctx.fillStyle = colour("alarm");
    for (let k = 0; k < view.marks.length; k++) {
      if (!view.anomalies[k]) continue;
      const x = plot.valToPos(view.marks[k]!, "x", true);
      if (x < left || x > left + width) continue;
      ctx.fillRect(x - ratio, top + height - 5 * ratio, 2 * ratio, 5 * ratio);
      const value = view.raw ? line[k]! : line[4 * k + 2]!;
      if (!view.raw || Number.isNaN(value)) continue;
      ctx.beginPath();
      ctx.arc(x, plot.valToPos(value, "y", true), 3.5 * ratio, 0, 2 * Math.PI);
      ctx.fill();
    }
    ctx.restore();
  }

  private selected(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 4) return;
    const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    if (this.brushing) this.options.brushed?.(from, to);
    else {
      plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      this.show(from, to);
    }
  }

  private wheel(plot: uPlot): void {
    plot.over.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) {
          event.preventDefault();
          this.zoom(event.deltaY > 0 ? 1.35 : 1 / 1.35, event.offsetX / plot.over.clientWidth);
        } else if (!event.ctrlKey) {
          event.preventDefault();
          this.pan(Math.sign(event.deltaX || event.deltaY) * 0.15);
        }
      },
      { passive: false },
    );
    plot.over.addEventListener("mousedown", (event) => event.shiftKey && this.drag(plot, event), { capture: true });
    plot.over.addEventListener("dblclick", () => this.show(null, null));
  }

  /** Move with the pointer while it is held. */
  private drag(plot: uPlot, start: MouseEvent): void {
    start.stopImmediatePropagation();
    const range = this.range ?? this.whole;
    if (!range) return;
    const perPixel = (range[1] - range[0]) / plot.over.clientWidth;
    const move = (event: MouseEvent) => {
      const by = (start.clientX - event.clientX) * perPixel;
      this.show(range[0] + by, range[1] + by);
    };
    const end = new AbortController();
    addEventListener("mousemove", move, { signal: end.signal });
    addEventListener("mouseup", () => end.abort(), { signal: end.signal });
  }
}
