// Which detectors are drawn -------------------------------------------------------------------------
const SLOTS = 8, BASE = data.n_anomalies / (data.n_anomalies + data.n_normal);
const detectors = data.detectors.map((d) => {
  const sums = (steps) => steps.reduce((all, step) => { all.push(all.at(-1) + step); return all; }, [0]);
  return { ...d, found: sums(d.found), false: sums(d.false) };
});
const hasCurves = detectors.length > 0 && data.n_anomalies > 0 && data.n_normal > 0;
let slots = Array.from({ length: SLOTS }, (_, i) => data.shown[i] ?? null);
const shownNow = () => slots.flatMap((k, slot) => k === null ? [] : [{ ...detectors[k], color: `var(--c${slot})`, dashed: slot > 3 ? " dashed" : "" }]);
const lineOf = (d, points, place, style = "") => shape("path", { d: path(points, place), class: `curve${style || d.dashed}`, stroke: d.color });

function drawChips() {
  const full = !slots.includes(null), some = shownNow().length;
  $("chips").replaceChildren(...slots.flatMap((k, slot) => {
    if (k === null) return [];
    const chip = el("button", { type: "button", class: "chip", title: "take away", "aria-label": `take away ${detectors[k].name}` }, el("i", { class: slot > 3 ? "key dashed" : "key", style: `color: var(--c${slot})` }), detectors[k].name, " ×");
    chip.addEventListener("click", () => { slots[slot] = null; drawShown(); });
    return [chip];
  }));
  options("add", [["", full ? `${SLOTS} are shown: take one away first` : `show another of ${detectors.length}`], ...detectors.flatMap((d, k) => full || slots.includes(k) ? [] : [[String(k), d.name]])]);
  $("add").parentElement.hidden = detectors.length <= some;
}
$("add").addEventListener("change", () => {
  const k = $("add").value;
  if (k !== "") { slots[slots.indexOf(null)] = Number(k); drawShown(); }
});

// ROC and precision–recall ----------------------------------------------------------------------------
const counts = (n) => n.toLocaleString("en-US");
const rates = (found, wrong) => ({ recall: found / data.n_anomalies, rate: wrong / data.n_normal, precision: found / (found + wrong) });
function tellCut(d, found, wrong, what) {
  const r = rates(found, wrong), precision = found + wrong ? `, precision ${percent(r.precision)}` : "";
  return `${d.name}${what}: finds ${percent(r.recall)} of the anomalies (${counts(found)} of ${counts(data.n_anomalies)}) at ${percent(r.rate)} false alarms (${counts(wrong)} of ${counts(data.n_normal)})${precision}`;
}
// Between two cuts counts rise evenly, and points are put between where the curve bends; only cuts can be pointed at.
function curveOf(d, place) {
  const part = (a, b, all) => (b - a) / all + (Math.log1p(b) - Math.log1p(a)) / Math.log1p(all), points = [];
  d.found.forEach((found, i) => {
    const wrong = d.false[i], f = d.found[i - 1] ?? 0, w = d.false[i - 1] ?? 0;
    const n = i ? Math.min(12, 1 + Math.ceil(30 * Math.max(part(f, found, data.n_anomalies), part(w, wrong, data.n_normal)))) : 1;
    for (let k = 1; k < n; k++) points.push(place(rates(f + (found - f) * k / n, w + (wrong - w) * k / n)));
    points.push([...place(rates(found, wrong)), i]);
  });
  return { d, points: points.filter(([x, y]) => !Number.isNaN(x) && !Number.isNaN(y)), tell: (i) => tellCut(d, d.found[i], d.false[i], "") };
}
function drawCurves(id, label, across, up, place, limit) {
  const plot = axes($(id), label, across, up), lines = shownNow().map((d) => curveOf(d, place));
  plot.svg.append(shape("path", { d: path(limit, plot), class: "limit" }), ...lines.map((line) => lineOf(line.d, line.points, plot)));
  nearest(plot, lines);
  for (const d of shownNow()) {
    const [found, , wrong] = d.confusion, [x, y] = place(rates(found, wrong));
    if (Number.isNaN(y)) continue;
    const ring = shape("circle", { cx: plot.x(x), cy: plot.y(y), r: 5, class: "ring", stroke: d.color });
    hover(ring, () => tellCut(d, found, wrong, ", the cuts that were used"));
    plot.svg.append(ring);
  }
  $(id).replaceChildren(plot.svg);
}
const SHARE = { low: 0, high: 1, told: (v) => String(+v.toFixed(4)) };
function drawRoc() {
  const log = $("scale").value === "log", low = 10 ** Math.floor(Math.log10(1 / data.n_normal));
  const across = log ? { low, high: 1, log, told: (v) => percent(v) } : SHARE, steps = Array.from({ length: 60 }, (_, i) => log ? low ** (1 - i / 59) : i / 59);
  drawCurves("roc", "found against false alarms", { ...across, name: "share of the normal rows flagged" }, SHARE, (r) => [r.rate, r.recall], steps.map((v) => [v, v]));
}
const drawPrecision = () => drawCurves("pr", "precision against recall", { ...SHARE, name: "recall: share of the anomalies found" }, SHARE, (r) => [r.recall, r.precision], [[0, BASE], [1, BASE]]);
$("scale").addEventListener("change", drawRoc);

// What a score is worth -------------------------------------------------------------------------------
function drawShares() {
  const borders = [...new Set(detectors.flatMap((d) => d.shares.flatMap(([start, end]) => [start, end])))].sort((a, b) => a - b);
  const at = new Map(borders.map((v, i) => [v, i])), n = borders.length - 1;
  // The parts are equally wide, though each holds fewer rows than the one before.
  const plot = axes($("shares"), "share of anomalies by score", { low: 0, high: n, at: borders.map((_, i) => i).filter((i) => i === n || (i % 2 === 0 && i < n - 1)), told: (i) => percent(borders[i]), name: "rows that score lower" }, SHARE);
  plot.svg.append(shape("path", { d: path([[0, BASE], [n, BASE]], plot), class: "limit" }));
  const shown = shownNow(), lines = shown.map((d, k) => {
    const shift = (k - (shown.length - 1) / 2) * .05;
    return { d, points: d.shares.map(([start, end, , came], i) => [(at.get(start) + at.get(end)) / 2 + shift, came, i]),
      tell: (i) => { const [start, end, rows, came, low, high] = d.shares[i]; return `${d.name}: of the ${counts(rows)} rows from ${percent(start)} to ${percent(end)} by score, ${percent(came)} are anomalies (${percent(low)}–${percent(high)})`; } };
  });
  for (const line of lines) {
    line.d.shares.forEach(([, , , , low, high], i) => { const x = plot.x(line.points[i][0]); plot.svg.append(shape("line", { x1: x, x2: x, y1: plot.y(low), y2: plot.y(high), stroke: line.d.color, "stroke-opacity": .6 })); });
    plot.svg.append(lineOf(line.d, line.points, plot));
  }
  nearest(plot, lines);
  $("shares").replaceChildren(plot.svg);
}
// What probabilities say against what came.
function drawSaid() {
  const sort = $("sort").value, some = detectors.some((d) => d.said.calibrated.length);
  $("said").hidden = !some;
  if (!some) return;
  const log = $("small").value === "log", shown = shownNow().filter((d) => d.said[sort].length);
  const least = Math.min(.1, ...shown.flatMap((d) => d.said[sort].map(([, said]) => said).filter((v) => v > 0)));
  const low = 10 ** Math.max(-6, Math.floor(Math.log10(least))), axis = log ? { low, high: 1, log, told: (v) => percent(v) } : SHARE;
  const plot = axes($("reliability"), "what came against what was said", { ...axis, name: "probability that was said" }, axis);
  plot.svg.append(shape("path", { d: path(log ? [[low, low], [1, 1]] : [[0, 0], [1, 1]], plot), class: "limit" }));
  const lines = shown.map((d) => ({ d, points: d.said[sort].map(([, said, came], i) => [said, came, i]),
    tell: (i) => { const [rows, said, came, from, to] = d.said[sort][i]; return `${d.name}: of ${counts(rows)} rows ${percent(said)} was said, and ${percent(came)} came (${percent(from)}–${percent(to)})`; } }));
  for (const line of lines) {
    for (const [, said, , from, to] of line.d.said[sort]) { const x = plot.x(said); plot.svg.append(shape("line", { x1: x, x2: x, y1: plot.y(from), y2: plot.y(to), stroke: line.d.color, "stroke-opacity": .6 })); }
    plot.svg.append(lineOf(line.d, line.points, plot));
  }
  nearest(plot, lines);
  $("reliability").replaceChildren(plot.svg);
  $("plain-brier").textContent = String(+(BASE * (1 - BASE)).toPrecision(3));
}
for (const id of ["sort", "small"]) $(id).addEventListener("change", drawSaid);
// Cost in shares of being wrong on every row, where a share p of the rows are anomalies and a missed one costs c false alarms.
function drawCost() {
  const p = Number($("share").value) / 100, c = Number($("ratio").value), good = p > 0 && p < 1 && c > 0;
  const plot = axes($("cost"), "cost of each detector", { ...SHARE, name: "part of the possible cost that lies in missed anomalies" }, { low: 0, high: .5, told: SHARE.told });
  const here = good ? p * c / (p * c + 1 - p) : null;
  plot.svg.append(shape("path", { d: path([[0, 0], [.5, .5], [1, 0]], plot), class: "plain-line" }));
  const lines = shownNow().map((d) => {
    const [found, missed, wrong, quiet] = d.confusion, miss = missed / (found + missed), rate = wrong / (wrong + quiet), cost = (at) => miss * at + rate * (1 - at);
    return { d, cost, points: Array.from({ length: 101 }, (_, i) => [i / 100, cost(i / 100), i / 100]), tell: (at) => `${d.name}: ${cost(at).toFixed(4)} of the possible cost, where ${percent(at)} of it lies in missed anomalies` };
  });
  const clip = shape("clipPath", { id: "inside" });
  clip.append(shape("rect", { x: plot.left, y: plot.top, width: plot.right - plot.left, height: plot.base - plot.top }));
  const inside = shape("g", { "clip-path": "url(#inside)" });
  for (const { d, points } of lines) inside.append(lineOf({ ...d, dashed: "" }, d.cost[0].map((at, i) => [at, d.cost[1][i]]), plot, " best-cut"), lineOf(d, points, plot));
  plot.svg.append(clip, inside);
  if (good) plot.svg.append(shape("line", { x1: plot.x(here), x2: plot.x(here), y1: plot.top, y2: plot.base, class: "limit" }));
  nearest(plot, lines.map((line) => ({ ...line, points: line.points.filter(([, y]) => y <= .5) })));
  $("cost").replaceChildren(plot.svg);
  // In false alarms for each 1,000 rows, which anyone can count.
  const paid = (cost) => (cost * (p * c + 1 - p) * 1000).toPrecision(3);
  const ranked = lines.map((line) => [line.cost(here), line.d.name]).sort((a, b) => a[0] - b[0]);
  const told = ranked.map(([cost, name]) => `${name} ${+paid(cost)}`).join(", ");
  $("cheapest").textContent = good ? `There, at the upright line, the errors in 1,000 rows cost as much as so many false alarms: ${told}; never to alarm ${+paid(here)}, always to alarm ${+paid(1 - here)}.` : "Give a share between 0 and 100, and a ratio above 0.";
}
$("share").value = String(+(100 * BASE).toPrecision(3));
for (const id of ["share", "ratio"]) $(id).addEventListener("input", drawCost);

// Decisions ------------------------------------------------------------------------------------------
function drawMatrices() {
  $("matrices").replaceChildren(...shownNow().map((d) => {
    const [found, missed, wrong, quiet] = d.confusion;
    const cell = (n, of, bad) => { const td = el("td", {}, counts(n), el("span", {}, of ? percent(n / of) : "—")); td.style.background = tint(bad && of ? n / of : 0); return td; };
    const line = (name, ...cells) => el("tr", {}, el("th", { scope: "row" }, name), ...cells);
    return el("div", {}, el("h3", {}, d.name), el("table", {},
      el("thead", {}, el("tr", {}, el("th", {}, ""), el("th", { scope: "col" }, "flagged"), el("th", { scope: "col" }, "not flagged"))),
      el("tbody", {}, line("anomalies", cell(found, found + missed), cell(missed, found + missed, true)), line("normal rows", cell(wrong, wrong + quiet, true), cell(quiet, wrong + quiet)))));
  }));
}

// Kinds ----------------------------------------------------------------------------------------------
function drawKinds() {
  if (!data.kinds.length) return;
  $("kinds").hidden = false;
  $("heat").tHead.replaceChildren(el("tr", {}, el("th", { scope: "col" }, "kind"), el("th", { scope: "col" }, el("span", {}, "rows")), ...detectors.map((d) => el("th", { scope: "col" }, el("span", {}, d.name)))));
  const line = (kind, cellOf) => el("tr", kind.seen === false ? { class: "never" } : {}, el("th", { scope: "row" }, kind.name + (kind.seen === false ? " *" : "")), el("td", {}, counts(kind.n)), ...detectors.map((d) => {
    const told = cellOf(d);
    if (!told) return el("td", {}, "—");
    const [found, interval] = told, cell = el("td", {}, String(Math.floor(100 * found / kind.n)));
    cell.style.background = tint(1 - found / kind.n);
    hover(cell, () => `${d.name} flags ${counts(found)} of ${counts(kind.n)} ${kind.name}${interval ? `: ${interval}` : ""}${kind.seen === false ? "; in no training rows" : ""}`);
    return cell;
  }));
  const lines = data.kinds.map((kind, i) => line(kind, (d) => d.kinds[i]));
  if (data.n_unseen) lines.push(line({ name: "all kinds never learnt", n: data.n_unseen, seen: false }, (d) => d.unseen));
  $("heat").tBodies[0].replaceChildren(...lines);
}

// Ranks ----------------------------------------------------------------------------------------------
function drawDiagram() {
  if (!data.ranks) return;
  $("ranks").hidden = false;
  drawRanks($("diagram"), data.ranks);
  $("tested").textContent = `corrected t-tests of each pair after Holm; Friedman's test of all together has p ${data.ranks.friedman < .001 ? "< .001" : `= ${chance(data.ranks.friedman)}`}`;
  $("weak").replaceChildren(...data.ranks.notes.map((note) => el("p", { class: "note" }, note)));
}

// Effort ---------------------------------------------------------------------------------------------
options("against", Object.entries(data.costs));
function drawEffort() {
  const key = $("against").value, measure = data.columns[0], least = key === "memory" ? .1 : 1e-4;
  const dots = detectors.flatMap((d) => d.figures[key][0] === null || d.figures[measure.key][0] === null ? [] : [{ d, cost: Math.max(d.figures[key][0], least), value: d.figures[measure.key][0] }]);
  if (!dots.length) { $("scatter").replaceChildren("not told by this system"); return; }
  const costs = dots.map((dot) => dot.cost), values = dots.map((dot) => dot.value), [bottom, top] = [Math.min(...values), Math.max(...values)], room = (top - bottom || .1) * .08;
  const plot = axes($("scatter"), `${measure.title} against ${data.costs[key]}`, { low: 10 ** Math.floor(Math.log10(Math.min(...costs))), high: 10 ** Math.ceil(Math.log10(Math.max(...costs)) + 1e-9), log: true, told: (v) => String(+v.toPrecision(2)), name: data.costs[key] }, { low: bottom - room, high: top + room, told: (v) => String(+v.toFixed(3)) }, 380);
  plot.svg.append(shape("text", { x: plot.left, y: 9 }, measure.title));
  const taken = [];
  for (const { d, cost, value } of dots) {
    const x = plot.x(cost), y = plot.y(value), dot = shape("circle", { cx: x, cy: y, r: 4.5, class: d.learns === "labels" ? "by-labels" : "by-normal", "fill-opacity": .8 });
    hover(dot, () => `${d.name}: ${measure.title} ${d.figures[measure.key].slice(1).join(" ")}, ${data.costs[key]} ${d.figures[key][1]}`);
    plot.svg.append(dot);
    const wide = 6.4 * d.name.length, from = x + 8 + wide > plot.right ? x - 8 - wide : x + 8, box = [from, y - 7, from + wide, y + 7];
    const free = from > plot.left && taken.every(([a, b, e, f]) => box[0] > e || box[2] < a || box[1] > f || box[3] < b) && dots.every((o) => o.d === d || Math.abs(plot.x(o.cost) - (box[0] + box[2]) / 2) > wide / 2 + 4 || Math.abs(plot.y(o.value) - y) > 10);
    if (free) { taken.push(box); plot.svg.append(shape("text", { x: from, y: y + 4 }, d.name)); }
  }
  $("scatter").replaceChildren(plot.svg);
}
$("against").addEventListener("change", drawEffort);

// Columns chosen --------------------------------------------------------------------------------------
function drawChosen() {
  const s = data.selection, most = 60;
  if (!s) return;
  $("selection").hidden = false;
  const [value, low, high] = s.stability ?? [], always = s.columns.filter(([, n]) => n === s.n_splits), others = s.columns.slice(always.length);
  const alike = typeof value === "number" ? ` Stability ${value.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)}): 1 where each split chooses the same, 0 where by chance.` : "";
  $("stable").textContent = `By ${s.method}, in each split anew: ${counted(s.columns.length, "column")} chosen at least once, ${always.length} in all ${s.n_splits} splits.${alike}`;
  $("always").textContent = always.length ? `Always: ${always.map(([name]) => name).join(", ")}` : "";
  for (const [name, n] of others.slice(0, most)) {
    const bar = el("i");
    bar.style.width = `${Math.round(100 * n / s.n_splits)}%`;
    $("chosen").append(el("span", {}, name), bar, el("span", {}, `${n} of ${s.n_splits}`));
  }
  if (others.length > most) $("chosen").append(el("span", {}, `and ${others.length - most} more`));
}

// All of it -------------------------------------------------------------------------------------------
function drawShown() {
  drawChips();
  drawMatrices();
  if (hasCurves) for (const draw of [drawRoc, drawPrecision, drawShares, drawCost, drawSaid]) draw();
}
if (detectors.length) {
  if (!hasCurves) for (const id of ["curves", "worth"]) $(id).hidden = true;
  drawKinds();
  drawDiagram();
  drawShown();
  drawEffort();
}
drawChosen();
let wait = 0;
addEventListener("resize", () => { cancelAnimationFrame(wait); wait = requestAnimationFrame(() => { if (detectors.length) { drawShown(); drawEffort(); drawDiagram(); } }); });
