// Without an alarm the rows ranked highest are marked, in another colour: red is kept for alarms.
const calm = data.n_alarms === 0, ODD = calm ? "rows ranked highest" : "alarms";
document.body.classList.toggle("calm", calm);
for (const name of document.querySelectorAll(".odd")) name.textContent = ODD;
$("directions").textContent = `${calm ? "No row raises an alarm. " : ""}The direction that sets the ${ODD} apart, and the widest one across it. Choose columns to see them instead.`;

// Ranked rows -------------------------------------------------------------------------------------
const reasonOf = new Map(data.rows.map((r) => [r.row, r.reason]));
const fixed = [
  { name: "row", key: (r) => r.row, text: (r) => String(r.row), num: true },
  { name: "score", key: (r) => r.score, text: (r) => r.score.toFixed(2), num: true },
  { name: "p", key: (r) => r.p, text: (r) => chance(r.p), num: true, wide: true },
  { name: "reason", key: (r) => r.reason, text: (r) => r.reason, reason: true },
];
const extra = data.shown.slice(0, Math.min(3, data.n_context)).map((name, i) => ({ name, key: (r) => r.values[i], text: (r) => number(r.values[i]), wide: true }));
const heads = [...fixed.slice(0, 3), ...extra, fixed[3]];
let order = { head: heads[1], down: true };
let all = false;

function drawHead() {
  const line = el("tr", {}, el("th", {}, ""));
  for (const head of heads) {
    const cell = el("th", { tabindex: "0", scope: "col", class: `${head.num ? "num" : ""} ${head.wide ? "wide" : ""}` }, head.name);
    if (head === order.head) cell.setAttribute("aria-sort", order.down ? "descending" : "ascending");
    const sort = () => { order = { head, down: head === order.head ? !order.down : head.num }; drawHead(); drawRows(); };
    onPick(cell, sort);
    line.append(cell);
  }
  $("rows").tHead.replaceChildren(line);
}
function chosen() {
  const wanted = $("filter").value.trim().toLowerCase();
  const rows = data.rows.filter((r) => (!$("only").checked || r.alarm)
    && (!wanted || `${r.row} ${r.reason} ${r.values.join(" ")}`.toLowerCase().includes(wanted)));
  const key = order.head.key;
  rows.sort((a, b) => {
    const x = key(a), y = key(b);
    const sign = x === y ? 0 : x === null ? 1 : y === null ? -1 : x < y ? -1 : 1;
    return order.down ? -sign : sign;
  });
  return rows;
}
function drawRows() {
  const rows = chosen(), shown = all ? rows : rows.slice(0, 25);
  $("count").textContent = `${rows.length} of ${data.rows.length} listed rows`;
  $("more").hidden = shown.length === rows.length;
  $("rows").tBodies[0].replaceChildren(...shown.map(rowLine));
}
function rowLine(r) {
  const line = el("tr", { class: "main", tabindex: "0" }, el("td", { class: "mark", title: r.alarm ? "alarm" : "" }, r.alarm ? "●" : ""));
  for (const head of heads) line.append(el("td", { class: `${head.num ? "num" : ""} ${head.reason ? "reason" : ""} ${head.wide ? "wide" : ""}` }, head.text(r)));
  const toggle = () => {
    const next = line.nextElementSibling;
    const open = next && next.classList.contains("detail");
    if (open) next.remove(); else line.after(detail(r));
    line.setAttribute("aria-expanded", String(!open));
  };
  onPick(line, toggle);
  return line;
}
function detail(r) {
  const share = el("div", { class: "share" });
  for (const [column, part, value, usual] of r.blame) {
    const bar = el("i");
    bar.style.width = `${Math.round(100 * part)}%`;
    share.append(el("span", {}, column), bar, el("span", {}, `${number(value)}, usually ${usual}`));
  }
  const pairs = el("div", { class: "pairs" });
  data.shown.forEach((name, i) => pairs.append(el("span", {}, el("b", {}, `${name} `), number(r.values[i]))));
  return el("tr", { class: "detail" }, el("td", { colspan: String(heads.length + 1) }, share, pairs));
}
$("filter").addEventListener("input", drawRows);
$("only").addEventListener("change", drawRows);
$("more").addEventListener("click", () => { all = true; drawRows(); });
drawHead();
drawRows();

// A picture as wide as its place, so that its letters keep their size.
const wide = (id) => Math.max(320, Math.min(1060, $(id).clientWidth));

// Scatter -----------------------------------------------------------------------------------------
const cloud = data.scatter, axes = Object.keys(cloud.axes);
for (const [id, place] of [["axis-x", 0], ["axis-y", 1]]) {
  options(id, axes.map((name) => [name, name]));
  $(id).value = axes[Math.min(place, axes.length - 1)];
  $(id).addEventListener("change", drawScatter);
}
function drawScatter() {
  const [a, b] = [$("axis-x").value, $("axis-y").value];
  const width = wide("scatter"), height = 430, pad = 34, svg = picture(width, height, `rows by ${a} and ${b}`);
  const scale = (values, from, to) => {
    const low = Math.min(...values), high = Math.max(...values), room = high - low || 1;
    return (v) => from + (v - low) / room * (to - from);
  };
  const x = scale(cloud.axes[a], pad, width - 12), y = scale(cloud.axes[b], height - pad, 12);
  svg.append(shape("line", { x1: pad, y1: height - pad, x2: width, y2: height - pad, class: "axis" }),
    shape("line", { x1: pad, y1: 0, x2: pad, y2: height - pad, class: "axis" }),
    shape("text", { x: width - 12, y: height - 10, "text-anchor": "end" }, `${a} →`),
    shape("text", { x: 14, y: 12, transform: `rotate(-90 14 12)`, "text-anchor": "end" }, `${b} →`));
  cloud.row.forEach((row, i) => {
    const alarm = i >= cloud.n_others;
    const dot = shape("circle", { cx: x(cloud.axes[a][i]).toFixed(1), cy: y(cloud.axes[b][i]).toFixed(1), r: alarm ? 4 : 2.6, class: alarm ? "fill-alarm" : "fill-rest", "fill-opacity": alarm ? .85 : .5 });
    hover(dot, () => {
      const values = [a, b].filter((n) => cloud.raw[n]).map((n) => `${n} ${number(cloud.raw[n][i])}`);
      return [`row ${row}, score ${cloud.score[i]}`, ...values, reasonOf.get(row)].filter(Boolean).join(" · ");
    });
    svg.append(dot);
  });
  $("scatter").replaceChildren(svg);
}
drawScatter();

// Columns to blame --------------------------------------------------------------------------------
function drawBars(svg, rest, alarms, left, right, base, top, label) {
  const n = rest.length, width = (right - left) / Math.max(n, 1);
  const mostRest = Math.max(1, ...rest), mostAlarms = Math.max(1, ...alarms);
  rest.forEach((count, i) => {
    const parts = [["fill-rest", count / mostRest, 0, 1], ["fill-alarm", alarms[i] / mostAlarms, .25, .5]];
    for (const [style, share, from, wide] of parts) {
      if (!share) continue;
      const high = Math.max(1.5, share * (base - top) * (style === "fill-alarm" ? .6 : 1));
      svg.append(shape("rect", { x: left + (i + from) * width, y: base - high, width: Math.max(width * wide - .6, .8), height: high, class: style }));
    }
    const zone = shape("rect", { x: left + i * width, y: top, width, height: base - top, fill: "transparent" });
    hover(zone, () => `${label(i)}: ${count} usual rows of the sample, ${alarms[i]} ${ODD}`);
    svg.append(zone);
  });
}
function drawColumn(c) {
  const width = 300, height = 150, svg = picture(width, height, `values of ${c.name}`);
  if (c.kinds) {
    drawBars(svg, c.rest, c.alarms, 4, width - 4, 118, 6, (i) => c.kinds[i]);
    svg.append(shape("text", { x: 4, y: 134 }, c.kinds.slice(0, 3).join(", ") + (c.kinds.length > 3 ? " …" : "")));
  } else {
    const [low, high] = c.edges, place = (v) => 4 + Math.max(0, Math.min(1, (v - low) / (high - low || 1))) * (width - 8);
    const bin = (i) => `${number(+(low + i * (high - low) / c.rest.length).toPrecision(4))} to ${number(+(low + (i + 1) * (high - low) / c.rest.length).toPrecision(4))}`;
    drawBars(svg, c.rest, c.alarms, 4, width - 4, 96, 4, bin);
    const [p5, q1, mid, q3, p95] = c.box.map(place);
    svg.append(shape("line", { x1: p5, x2: p95, y1: 112, y2: 112, class: "box" }),
      shape("rect", { x: q1, y: 105, width: Math.max(q3 - q1, 1), height: 14, class: "box" }),
      shape("line", { x1: mid, x2: mid, y1: 105, y2: 119, class: "box", "stroke-width": 2 }));
    for (const value of c.points) {
      const dot = shape("circle", { cx: place(value), cy: 112, r: 2.6, class: "fill-alarm", "fill-opacity": .6 });
      hover(dot, () => `${calm ? "ranked highest" : "alarm"} at ${number(value)}`);
      svg.append(dot);
    }
    svg.append(shape("line", { x1: 4, x2: width - 4, y1: 97, y2: 97, class: "axis" }),
      shape("text", { x: 4, y: 138 }, (c.clipped ? "≤ " : "") + number(+low.toPrecision(4))),
      shape("text", { x: width - 4, y: 138, "text-anchor": "end" }, (c.clipped ? "≥ " : "") + number(+high.toPrecision(4))));
  }
  return el("div", {}, el("h3", {}, c.name), svg);
}
$("columns").replaceChildren(...data.columns.map(drawColumn));

// Scores and time ---------------------------------------------------------------------------------
function drawScores() {
  const s = data.scores, width = wide("scores"), height = 130, svg = picture(width, height, "histogram of the scores");
  const most = Math.log1p(Math.max(...s.counts)), step = (width - 20) / s.counts.length;
  s.counts.forEach((count, i) => {
    const low = s.low + i * (s.high - s.low) / s.counts.length, high = s.low + (i + 1) * (s.high - s.low) / s.counts.length;
    const tall = Math.log1p(count) / most * 96;
    const bar = shape("rect", { x: 10 + i * step, y: 104 - tall, width: step - 1, height: Math.max(tall, .1), class: s.threshold !== null && low >= s.threshold ? "fill-alarm" : "fill-rest" });
    hover(bar, () => `score ${low.toFixed(2)} to ${high.toFixed(2)}: ${count} rows`);
    svg.append(bar);
  });
  svg.append(shape("text", { x: 10, y: 122 }, `score ${s.low.toFixed(2)}`), shape("text", { x: width - 10, y: 122, "text-anchor": "end" }, `${s.high.toFixed(2)} (counts on a log scale)`));
  if (s.threshold !== null) {
    const x = 10 + (s.threshold - s.low) / (s.high - s.low || 1) * (width - 20);
    svg.append(shape("line", { x1: x, x2: x, y1: 4, y2: 104, class: "stroke-alarm", "stroke-dasharray": "4 3" }),
      shape("text", { x: Math.min(x + 6, width - 120), y: 14 }, `threshold ${s.threshold}`));
  }
  $("scores").replaceChildren(svg);
}
drawScores();
addEventListener("resize", () => { drawScatter(); drawScores(); if (data.timeline) drawTimeline(); });
function drawTimeline() {
  const t = data.timeline, width = wide("timeline"), height = 240, svg = picture(width, height, "scores over time");
  const known = t.peak.filter((v) => v !== null), low = Math.min(...t.low.filter((v) => v !== null)), high = Math.max(...known);
  const x = (s) => 8 + (s - t.start) / (t.end - t.start || 1) * (width - 16), y = (v) => 190 - (v - low) / (high - low || 1) * 176;
  const step = (width - 16) / t.peak.length, at = (i) => clock(t.start + (i + .5) * (t.end - t.start) / t.peak.length);
  t.peak.forEach((peak, i) => {
    if (peak === null) return;
    const over = t.threshold !== null && peak >= t.threshold;
    const bar = shape("rect", { x: 8 + i * step, y: y(peak), width: Math.max(step - .4, .8), height: Math.max(y(t.low[i]) - y(peak), 1.5), class: over ? "fill-alarm" : "fill-rest" });
    hover(bar, () => `${at(i)}${t.zone}: scores ${t.low[i]} to ${peak}`);
    svg.append(bar);
  });
  if (t.threshold !== null) svg.append(shape("line", { x1: 8, x2: width - 8, y1: y(t.threshold), y2: y(t.threshold), class: "stroke-alarm", "stroke-dasharray": "4 3" }));
  for (const [start, end, score, entity, n, row] of t.events) {
    const bar = shape("rect", { x: x(start), y: 200, width: Math.max(x(end) - x(start), 3), height: 12, rx: 2, class: "fill-alarm", "fill-opacity": .75 });
    hover(bar, () => [entity, `${n} alarm${n > 1 ? "s" : ""} from ${clock(start)}${t.zone}`, `peak score ${score} at row ${row}`, reasonOf.get(row)].filter(Boolean).join(" · "));
    svg.append(bar);
  }
  for (const s of calendarTicks(t.start, t.end, width / 90)) svg.append(shape("line", { x1: x(s), x2: x(s), y1: 214, y2: 219, class: "axis" }), shape("text", { x: x(s), y: 232, "text-anchor": x(s) < 30 ? "start" : x(s) > width - 30 ? "end" : "middle" }, dayWords(s)));
  $("span").textContent = `${clock(t.start)} to ${clock(t.end)}${t.zone}.`;
  $("timeline").replaceChildren(svg);
}
if (data.timeline) {
  $("time").hidden = false;
  drawTimeline();
}
