/** Swim lanes on a canvas of our own: entities by time, coloured by severity. */

import { h } from "./dom";
import { shortly, when } from "./format";
import { eventAddress, placeOf } from "./parts";
import type { Lane, Mark, Severity } from "./shapes";

const LANE = 22;
const AXIS = 22;
const LEAST_WIDTH = 3;
const NEAR = 5;
const GRAVE: Severity[] = ["info", "warning", "error", "critical"];

export class Lanes {
  private readonly canvas = h("canvas", { role: "img", tabindex: 0 });
  private readonly tip = h("p", { class: "hint tip", role: "status" }, "Point at an event, or move with the arrow keys; Enter opens it.");
  readonly element = h("div", { class: "lanes" }, this.canvas, this.tip);
  private lanes: Lane[] = [];
  private from = 0;
  private to = 1;
  private place: [number, number] = [0, -1];

  constructor() {
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.canvas.addEventListener("pointermove", (event) => this.tell(this.at(event)));
    this.canvas.addEventListener("click", (event) => this.open(this.at(event)));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  show(lanes: Lane[], from: number, to: number): void {
    [this.lanes, this.from, this.to] = [lanes, from, to];
    const n = lanes.reduce((sum, lane) => sum + lane.marks.length, 0);
    this.canvas.setAttribute("aria-label", `${n} events of ${lanes.length} entities, ${when(from)} to ${when(to)}`);
    this.canvas.height = 0;
    this.draw();
  }

  private get gutter(): number {
    return Math.min(210, Math.round(this.canvas.clientWidth * 0.3));
  }

  private x(time: number): number {
    const width = this.canvas.clientWidth - this.gutter - 8;
    return this.gutter + ((time - this.from) / (this.to - this.from || 1)) * width;
  }

  private draw(): void {
    const { canvas } = this;
    const width = canvas.clientWidth;
    if (!width) return;
    const height = this.lanes.length * LANE + AXIS;
    const ratio = devicePixelRatio || 1;
    canvas.style.height = `${height}px`;
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    const pen = canvas.getContext("2d")!;
    pen.scale(ratio, ratio);
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
    this.axis(pen, width, height, colour);
    this.lanes.forEach((lane, k) => this.lane(pen, lane, k, width, colour));
  }

  private axis(pen: CanvasRenderingContext2D, width: number, height: number, colour: (name: string) => string): void {
    const n = Math.max(1, Math.floor((width - this.gutter) / 130));
    for (let k = 0; k <= n; k++) {
      const time = this.from + (k / n) * (this.to - this.from);
      const x = Math.round(this.x(time)) + 0.5;
      pen.strokeStyle = colour("line");
      pen.beginPath();
      pen.moveTo(x, 0);
      pen.lineTo(x, height - AXIS);
      pen.stroke();
      pen.fillStyle = colour("soft");
      pen.textAlign = k === 0 ? "left" : k === n ? "right" : "center";
      pen.fillText(shortly(time, this.to), x, height - AXIS / 2);
    }
    pen.textAlign = "left";
  }

  private lane(pen: CanvasRenderingContext2D, lane: Lane, k: number, width: number, colour: (name: string) => string): void {
    const middle = k * LANE + LANE / 2;
    pen.fillStyle = colour("ink");
    pen.fillText(cut(pen, lane.entity ?? lane.source, this.gutter - 12), 2, middle);
    pen.strokeStyle = colour("line");
    pen.beginPath();
    pen.moveTo(this.gutter, middle + 0.5);
    pen.lineTo(width, middle + 0.5);
    pen.stroke();
    const graver = [...lane.marks].sort((a, b) => GRAVE.indexOf(a[2]) - GRAVE.indexOf(b[2]));
    for (const [opened, ended, severity] of graver) {
      const a = Math.max(this.x(opened), this.gutter);
      const b = Math.min(this.x(ended ?? this.to), width - 8);
      pen.fillStyle = colour(severity);
      pen.fillRect(a, k * LANE + 4, Math.max(b - a, LEAST_WIDTH), LANE - 8);
    }
  }

  private at(event: PointerEvent | MouseEvent): Mark | null {
    const k = Math.floor(event.offsetY / LANE);
    const lane = this.lanes[k];
    if (!lane) return null;
    const distance = ([opened, ended]: Mark) => Math.max(this.x(opened) - event.offsetX, event.offsetX - this.x(ended ?? this.to), 0);
    let best: Mark | null = null;
    for (const mark of lane.marks) if (distance(mark) <= (best ? distance(best) : NEAR)) best = mark;
    if (best) this.place = [k, lane.marks.indexOf(best)];
    return best;
  }

  private tell(mark: Mark | null): void {
    this.canvas.classList.toggle("over", mark !== null);
    if (!mark) return;
    const lane = this.lanes[this.place[0]]!;
    this.tip.textContent = `${placeOf(lane)}: ${mark[4]}, ${mark[2]}, ${when(mark[0])}${mark[1] === null ? ", goes on" : ""}`;
  }

  private open(mark: Mark | null): void {
    if (mark) location.assign(eventAddress(mark[3]));
  }

  private key(event: KeyboardEvent): void {
    const [k, m] = this.place;
    const mark = this.lanes[k]?.marks[m] ?? null;
    if (event.key === "Enter") return this.open(mark);
    const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!by || !this.lanes.length) return;
    event.preventDefault();
    const lane = Math.min(Math.max(k + by[0]!, 0), this.lanes.length - 1);
    const last = this.lanes[lane]!.marks.length - 1;
    this.place = [lane, by[0] ? last : Math.min(Math.max(m + by[1]!, 0), last)];
    this.tell(this.lanes[lane]!.marks[this.place[1]] ?? null);
  }
}

/** As much of a text as has room. */
function cut(pen: CanvasRenderingContext2D, text: string, room: number): string {
  if (pen.measureText(text).width <= room) return text;
  let n = Math.min(text.length, 60);
  while (n > 1 && pen.measureText(text.slice(0, n) + "…").width > room) n--;
  return text.slice(0, n) + "…";
}
