/** All of one row: the columns to blame, each against what is usual, and the rows nearest to it. */

import { button, fill, h, table } from "./dom";
import { number, when } from "./format";
import { section, verdictButtons } from "./parts";
import type { Blame, RowView, Verdict } from "./shapes";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, FOOT] = [300, 96, 16];

type Attributes = Record<string, string | number>;

export function rowPart(view: RowView, label: ((verdict: Verdict) => void) | null, open: (row: number) => void): HTMLElement {
  const title = `Row ${number(view.row)}${view.entity ? ` · ${view.entity}` : ""}${view.time === null ? "" : ` · ${when(view.time)}`}`;
  const scatter = view.scatter && h("div", { class: "figure" }, h("h3", {}, `${view.scatter.x} and ${view.scatter.y}`), scatterOf(view.scatter));
  const shown = section(
    title,
    h("p", { class: "says" }, view.reason || "Nothing stands out."),
    h("p", { class: "hint" }, `score ${number(view.score)}, p-value ${number(view.p_value)}, ${view.is_anomaly ? "an anomaly" : "no anomaly"}`),
    label && verdictButtons(view.verdict, label),
    h("div", { class: "figures" }, ...view.blame.map(blamed), scatter),
    nearest(view, open),
  );
  shown.classList.add("row");
  return shown;
}

function blamed(blame: Blame): HTMLElement {
  const share = blame.share === null ? "" : ` ${Math.round(100 * blame.share)} %`;
  const drawn = blame.histogram ? histogramOf(blame) : null;
  const common = blame.common?.length ? table(["Value", "#Rows"], blame.common.map(([text, n]) => [h("span", { class: "where" }, text), number(n)])) : null;
  return h("div", { class: "figure" }, h("h3", {}, blame.column, h("span", { class: "mark" }, share)), h("p", { class: "hint" }, h("b", { class: "mark" }, number(blame.value)), blame.usual ? `, usually ${blame.usual}` : ""), drawn, common);
}

function nearest(view: RowView, open: (row: number) => void): Node | null {
  if (!view.nearest.length) return null;
  const names = Object.keys(view.nearest[0]!.values).slice(0, 8);
  const rows = view.nearest.map((near) => [button(number(near.row), () => open(near.row)), number(Number(near.distance.toPrecision(3))), ...names.map((name) => number(near.values[name]))]);
  const box = h("div");
  fill(box, h("h3", {}, "Nearest normal rows"), table(["#Row", "#Away", ...names], rows));
  return box;
}

/** How often each value is, with quartiles beneath and this value marked. */
function histogramOf({ histogram, box, value, column }: Blame): SVGElement {
  const { edges, counts } = histogram!;
  const here = typeof value === "number" ? value : null;
  const low = Math.min(edges[0]!, here ?? Infinity);
  const high = Math.max(edges.at(-1)!, here ?? -Infinity);
  const x = (at: number) => 4 + ((at - low) / (high - low || 1)) * (WIDTH - 8);
  const most = Math.sqrt(Math.max(...counts, 1));
  const room = HEIGHT - FOOT - 18;
  const svg = drawing(`How often values of ${column} are; this one is ${number(value)}`);
  counts.forEach((n, k) => {
    const height = (Math.sqrt(n) / most) * room;
    add(svg, "rect", { class: "rest", x: x(edges[k]!), y: room - height + 2, width: Math.max(x(edges[k + 1]!) - x(edges[k]!) - 0.5, 0.5), height });
  });
  if (box) {
    const middle = room + 11;
    add(svg, "line", { class: "whisker", x1: x(box.low), x2: x(box.high), y1: middle, y2: middle });
    add(svg, "rect", { class: "quartiles", x: x(box.q1), width: Math.max(x(box.q3) - x(box.q1), 1), y: middle - 5, height: 10 });
    add(svg, "line", { class: "median", x1: x(box.median), x2: x(box.median), y1: middle - 5, y2: middle + 5 });
  }
  if (here !== null) add(svg, "line", { class: "here", x1: x(here), x2: x(here), y1: 0, y2: room + 18 });
  words(svg, 2, "start", number(Number(low.toPrecision(4))));
  words(svg, WIDTH - 2, "end", number(Number(high.toPrecision(4))));
  return svg;
}

function scatterOf(scatter: NonNullable<RowView["scatter"]>): SVGElement {
  const points = [...scatter.points, [...scatter.here, true] as const].filter(([x, y]) => x !== null && y !== null) as [number, number, boolean][];
  const range = (values: number[]) => [Math.min(...values), Math.max(...values)] as const;
  const [left, right] = range(points.map((point) => point[0]));
  const [low, high] = range(points.map((point) => point[1]));
  const x = (at: number) => 6 + ((at - left) / (right - left || 1)) * (WIDTH - 12);
  const y = (at: number) => 6 + (1 - (at - low) / (high - low || 1)) * (2 * HEIGHT - FOOT - 12);
  const svg = drawing(`${scatter.x} and ${scatter.y}; this row is marked`, 2 * HEIGHT);
  for (const [a, b, odd] of points.slice(0, -1)) add(svg, "circle", { class: odd ? "odd" : "rest", cx: x(a), cy: y(b), r: 2 });
  const [a, b] = scatter.here;
  if (a !== null && b !== null) add(svg, "circle", { class: "here", cx: x(a), cy: y(b), r: 6 });
  words(svg, 2, "start", number(Number(left.toPrecision(4))), 2 * HEIGHT);
  words(svg, WIDTH - 2, "end", number(Number(right.toPrecision(4))), 2 * HEIGHT);
  return svg;
}

function drawing(label: string, height = HEIGHT): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label })) svg.setAttribute(name, value);
  return svg;
}

function add(svg: SVGElement, tag: string, attributes: Attributes): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  svg.appendChild(element);
  return element;
}

function words(svg: SVGElement, x: number, anchor: string, text: string, height = HEIGHT): void {
  add(svg, "text", { x, y: height - 3, "text-anchor": anchor }).textContent = text;
}
