// Plots of lines ------------------------------------------------------------------------------------
// As wide as its place, so that letters keep their size.
const widthOf = (node) => Math.max(280, Math.min(1060, node.clientWidth));
const percent = (share, digits = 3) => `${+(100 * share).toPrecision(digits)}%`;
// A scale of an axis: from and to in pixels; `log` needs a low above 0, and what is below stands at it.
function scaleOf({ low, high, log }, from, to) {
  const f = log ? Math.log10 : (v) => v, room = f(high) - f(low) || 1;
  return (v) => from + (f(log ? Math.max(v, low) : v) - f(low)) / room * (to - from);
}
function marksOf({ low, high, log, at }, most) {
  if (at) return at;
  if (!log) return ticks(low, high, most).at;
  const marks = [];
  for (let e = Math.ceil(Math.log10(low) - 1e-9); e <= Math.log10(high) + 1e-9; e++) marks.push(10 ** e);
  return marks.length > 1 ? marks : [low, high];
}
// Axes with their marks. What is drawn later goes into `svg`, placed by `x` and `y`.
function axes(node, label, across, up, height = 320) {
  const width = widthOf(node), left = 46, right = 12, top = 10, base = height - 40, svg = picture(width, height, label);
  const x = scaleOf(across, left, width - right), y = scaleOf(up, base, top);
  for (const v of marksOf(up, 6)) svg.append(shape("line", { x1: left, x2: width - right, y1: y(v), y2: y(v), class: "guide" }), shape("text", { x: left - 6, y: y(v) + 4, "text-anchor": "end" }, up.told(v)));
  const marks = marksOf(across, width / 90);
  let free = 0;
  marks.forEach((v, i) => {
    svg.append(shape("line", { x1: x(v), x2: x(v), y1: base, y2: base + 4, class: "axis" }));
    const last = i === marks.length - 1 && x(v) > width - right - 16, half = 3.3 * across.told(v).length + 2;
    // A name that would lie on the one before it, or on the last one at the edge, is left out.
    if (x(v) - half < free || (!last && i < marks.length - 1 && x(v) + half > width - 7 * across.told(marks.at(-1)).length)) return;
    free = x(v) + half;
    svg.append(shape("text", { x: last ? width - 2 : x(v), y: base + 17, "text-anchor": last ? "end" : "middle" }, across.told(v)));
  });
  svg.append(shape("line", { x1: left, x2: width - right, y1: base, y2: base, class: "axis" }), shape("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, across.name));
  return { svg, x, y, left, right: width - right, top, base, width };
}
const path = (points, { x, y }) => points.map(([a, b], i) => `${i ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("");
// Beside the pointer, what the nearest point of any line tells; a dot shows which it is. A point is [x, y, what to tell].
function nearest(place, lines) {
  const { svg, x, y } = place, dot = shape("circle", { r: 4, visibility: "hidden" });
  const zone = shape("rect", { x: place.left, y: place.top, width: place.right - place.left, height: place.base - place.top, fill: "transparent", class: "zone" });
  const drawn = lines.flatMap((line) => line.points.filter((p) => p.length > 2).map(([a, b, i]) => ({ line, i, x: x(a), y: y(b) })));
  zone.addEventListener("pointermove", (e) => {
    const box = svg.getBoundingClientRect(), unit = place.width / box.width, px = (e.clientX - box.left) * unit, py = (e.clientY - box.top) * unit;
    let best = null, least = Infinity;
    for (const point of drawn) {
      const far = (point.x - px) ** 2 + (point.y - py) ** 2;
      if (far < least) [best, least] = [point, far];
    }
    if (!best) return;
    filled(dot, { cx: best.x, cy: best.y, fill: best.line.d.color, visibility: "visible" });
    say(e, best.line.tell(best.i));
  });
  zone.addEventListener("pointerleave", () => { $("tip").hidden = true; dot.setAttribute("visibility", "hidden"); });
  svg.append(dot, zone);
}
// The redder, the worse.
function tint(share) {
  return share > 0 ? `color-mix(in srgb, var(--alarm) ${(45 * share).toFixed(1)}%, transparent)` : "none";
}
