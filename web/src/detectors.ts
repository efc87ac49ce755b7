/** Alarms a day against the threshold: drag it, and see which alarms of the last month come or go. */

import { get } from "./api";
import { fill, h, link, table } from "./dom";
import { count, number, when } from "./format";
import { badge, empty, eventAddress, mount, section, verdictWord } from "./parts";
import { curve, counted } from "./threshold";
import type { Detector, Peak } from "./shapes";

const HEIGHT = 200;
const LEFT = 52;
const FOOT = 24;
const LISTED = 40;
const HIGHEST = 40;

export async function detectors(): Promise<void> {
  const { items } = await get<{ items: Detector[] }>("/api/detectors");
  const parts = items.map((item) => new Threshold(item));
  mount(h("h1", {}, "Detectors"), ...parts.map((part) => part.element), items.length ? null : empty("Nothing is watched yet."));
  parts.forEach((part) => part.draw());
}

class Threshold {
  readonly element: HTMLElement;
  private readonly canvas = h("canvas", { class: "curve", "aria-hidden": "true" });
  private readonly slider: HTMLInputElement;
  private readonly read = h("p", { role: "status", class: "says" });
  private readonly changes = h("div");
  private readonly points: [number, number][];
  private readonly low: number;
  private readonly high: number;
  private level: number;

  constructor(private readonly item: Detector) {
    this.points = curve(item.peaks, item.days ?? 1);
    const levels = this.points.map((point) => point[0]);
    this.low = Math.floor(Math.min(...levels, item.threshold ?? Infinity, 3));
    this.high = Math.ceil(Math.min(Math.max(...levels, this.low + 2), HIGHEST)) + 1;
    this.level = item.threshold ?? this.low;
    this.slider = h("input", {
      type: "range", min: this.low, max: this.high, step: 0.01, value: this.level, "aria-label": `Threshold of ${item.source}`,
      oninput: () => this.set(Number(this.slider.value)),
    });
    const facts = `${item.judge || "no judge"} · asked ${item.asked || "nothing"} · reached ${item.reached ?? "nothing yet"} · ${number(item.n_rows)} rows${item.days === null ? "" : ` in ${number(item.days)} days`}`;
    const chart = item.peaks.length
      ? [h("p", { class: "hint" }, `${this.unit} against the threshold (−log₁₀ of the p-value). Drag the line.`), this.canvas, this.slider, this.read, this.changes]
      : [empty("No alarm in the last month.")];
    this.element = section("", h("p", { class: "hint" }, facts), ...chart);
    fill(this.element.querySelector("h2")!, item.set_id ? link(`/explore/${encodeURIComponent(item.set_id)}`, item.source) : item.source);
    this.canvas.addEventListener("pointerdown", (event) => this.drag(event));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.tell();
  }

  private get unit(): string {
    return this.item.days === null ? "Alarms" : "Alarms a day";
  }

  private set(level: number): void {
    this.level = Math.min(Math.max(level, this.low), this.high);
    this.slider.value = String(this.level);
    this.draw();
    this.tell();
  }

  private drag(start: PointerEvent): void {
    const width = this.canvas.clientWidth - LEFT - 8;
    const take = (event: PointerEvent) => this.set(this.low + ((event.offsetX - LEFT) / width) * (this.high - this.low));
    this.canvas.setPointerCapture(start.pointerId);
    take(start);
    const end = new AbortController();
    this.canvas.addEventListener("pointermove", take, { signal: end.signal });
    for (const kind of ["pointerup", "pointercancel"] as const) this.canvas.addEventListener(kind, () => end.abort(), { signal: end.signal });
  }

  private tell(): void {
    const { peaks, days, threshold } = this.item;
    const now = counted(peaks, days ?? 1, this.level, threshold);
    const before = counted(peaks, days ?? 1, threshold ?? this.level, threshold);
    fill(
      this.read, "At ", h("b", {}, this.level.toFixed(2)), ": ", h("b", {}, number(Number(now.aDay.toPrecision(3)))), days === null ? " alarms" : ` alarms a day (${count(now.n, "alarm")})`, `, now ${number(Number(before.aDay.toPrecision(3)))}.`,
      now.gone.length ? ` ${count(now.gone.length, "alarm")} would go.` : "", now.come.length ? ` ${count(now.come.length, "alarm")} would come.` : "",
    );
    const lines = [...rows("goes", now.gone, days !== null), ...rows("comes", now.come, days !== null)].slice(0, LISTED);
    fill(this.changes, lines.length ? table(["", "#Level", "Entity", "When", "Verdict"], lines) : null);
  }

  /** The falling line, and the threshold across it. */
  draw(): void {
    const { canvas } = this;
    const width = canvas.clientWidth;
    if (!width) return;
    const ratio = devicePixelRatio || 1;
    [canvas.width, canvas.height] = [Math.round(width * ratio), HEIGHT * ratio];
    const pen = canvas.getContext("2d")!;
    pen.scale(ratio, ratio);
    pen.font = "11px system-ui, sans-serif";
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
    const most = Math.max(...this.points.map((point) => point[1]), 1e-9) * 1.08;
    const x = (level: number) => LEFT + ((Math.min(level, this.high) - this.low) / (this.high - this.low)) * (width - LEFT - 8);
    const y = (aDay: number) => 6 + (1 - aDay / most) * (HEIGHT - FOOT - 6);
    pen.fillStyle = colour("soft");
    pen.strokeStyle = colour("line");
    pen.textAlign = "right";
    for (const share of [0, 0.5, 1]) {
      const at = Math.round(y(share * most)) + 0.5;
      stroke(pen, [[LEFT, at], [width - 8, at]]);
      pen.fillText(number(Number((share * most).toPrecision(2))), LEFT - 6, at + 4);
    }
    pen.textAlign = "center";
    const step = Math.max(1, Math.ceil((this.high - this.low) / Math.max(2, (width - LEFT) / 60)));
    for (let level = this.low; level <= this.high; level += step) pen.fillText(String(level), x(level), HEIGHT - 6);
    pen.strokeStyle = colour("accent");
    pen.lineWidth = 2;
    const line: [number, number][] = [];
    let last = this.points[0]?.[1] ?? 0;
    line.push([x(this.low), y(last)]);
    for (const [level, aDay] of this.points) {
      line.push([x(level), y(last)], [x(level), y(aDay)]);
      last = aDay;
    }
    line.push([line.at(-1)![0], y(0)], [x(this.high), y(0)]);
    stroke(pen, line);
    if (this.item.threshold !== null) {
      pen.setLineDash([4, 4]);
      pen.strokeStyle = colour("soft");
      stroke(pen, [[x(this.item.threshold), 4], [x(this.item.threshold), HEIGHT - FOOT]]);
      pen.setLineDash([]);
    }
    pen.strokeStyle = colour("alarm");
    stroke(pen, [[x(this.level), 4], [x(this.level), HEIGHT - FOOT]]);
  }
}

function stroke(pen: CanvasRenderingContext2D, points: [number, number][]): void {
  pen.beginPath();
  points.forEach(([x, y], k) => (k ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.stroke();
}

function rows(word: string, peaks: Peak[], timed: boolean): Node[][] {
  return peaks.map(([entity, time, level, id, verdict]) => [
    badgeOf(word),
    document.createTextNode(number(level)),
    id ? link(eventAddress(id), entity ?? "no entity") : document.createTextNode(entity ?? "no entity"),
    document.createTextNode(timed ? when(time) : `row ${number(time)}`),
    document.createTextNode(verdict ? verdictWord(verdict) : ""),
  ]);
}

function badgeOf(word: string): HTMLElement {
  const shown = badge(word === "goes" ? "info" : "warning");
  shown.textContent = word;
  return shown;
}
