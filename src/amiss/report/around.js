// Channels around an event ---------------------------------------------------------------------------
const MOST_BESIDE = 12;
let event = null;
// Channels of the event's series: the ones to blame, then those most like the first of them.
function beside(e) {
  const first = tracks[e.blamed[0][0]], own = tracks.filter((t) => t.series === first.series), alike = first.series.alike[own.indexOf(first)];
  const shares = new Map(e.blamed.map(([number, share]) => [tracks[number], share]));
  const others = own.map((t, i) => ({ track: t, alike: alike[i] })).filter(({ track }) => !shares.has(track));
  others.sort((a, b) => Math.abs(b.alike) - Math.abs(a.alike));
  return [...[...shares].map(([track, share]) => ({ track, share })), ...others].slice(0, MOST_BESIDE);
}
// Two channels at the least can be set against each other.
const comparable = (e) => e.blamed.length > 0 && tracks.filter((t) => t.series === tracks[e.blamed[0][0]].series).length > 1;
function showAround(e) {
  $("around").hidden = !comparable(e);
  if ($("around").hidden) return;
  event = e;
  $("event").value = String(data.events.indexOf(e));
  $("when").textContent = spanOf(e);
  const shown = beside(e), all = tracks.filter((t) => t.series === shown[0].track.series);
  for (const id of ["across", "up"]) options(id, all.map((t) => [tracks.indexOf(t), t.name]));
  $("up").value = String(tracks.indexOf(shown[0].track));
  $("across").value = String(tracks.indexOf(shown[1].track));
  $("panels").replaceChildren(...shown.map(panel));
  drawPanels();
  drawCloud();
}
function panel({ track: t, share, alike }) {
  const why = share === undefined ? el("span", { class: "tag" }, `r = ${written(alike, 0.01)}`) : el("span", { class: "tag blamed" }, `${Math.round(100 * share)}% of the blame`);
  if (share === undefined) hover(why, () => `correlation of ${t.name} with ${tracks[event.blamed[0][0]].name} over all of the series`);
  const name = el("button", { type: "button", class: "name", title: "show it in the cloud" }, t.name);
  name.addEventListener("click", () => {
    $($("up").value === String(tracks.indexOf(t)) ? "up" : "across").value = String(tracks.indexOf(t));
    drawCloud();
  });
  const canvas = el("canvas", { tabindex: "0", role: "img", "aria-label": `${t.name} around the event, with its expected band` });
  canvas.addEventListener("pointermove", (e) => point(cellAt(e.offsetX, canvas.clientWidth)));
  for (const end of ["pointerleave", "blur"]) canvas.addEventListener(end, () => point(null));
  canvas.addEventListener("keydown", (e) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (!by) return;
    e.preventDefault();
    point(Math.max(event.window[0], Math.min(event.window[1], (pointed ?? event.first - by) + by)));
  });
  const box = el("div", { class: "panel" }, el("div", { class: "panel-head" }, name, why, el("span", { class: "now" })), canvas);
  return Object.assign(box, { track: t, canvas });
}
function drawPanels() {
  const scale = $("scale").value === "band" ? BAND : OWN, [a, b] = event.window, boxes = [...$("panels").children];
  // Distances are to be compared, so they share one axis.
  const each = boxes.map((box) => extent(box.track, a, b, scale));
  const common = [Math.min(...each.map((r) => r[0])), Math.max(...each.map((r) => r[1]))];
  boxes.forEach((box, i) => chart(box.canvas, box.track, event.window, { scale, range: scale === BAND ? common : each[i], below: 0, lines: 3 }));
  const { pen, width } = fitted($("hours"));
  drawClock(pen, boxes[0].track.series, a, b, scaleX(a, b, width), width, 18);
}
// One moment in all channels.
let pointed = null;
function cellAt(x, width) {
  const [a, b] = event.window;
  return x >= LEFT && x <= width - RIGHT ? Math.round(a + (x - LEFT) / (width - LEFT - RIGHT) * (b - a)) : null;
}
function point(cell) {
  pointed = cell;
  const boxes = [...$("panels").children], none = cell === null;
  $("channels").style.setProperty("--at", none ? "-9px" : `${scaleX(...event.window, boxes[0].canvas.clientWidth)(cell)}px`);
  for (const box of boxes) box.querySelector(".now").textContent = none ? "" : reading(box.track, cell);
  $("when").textContent = none ? spanOf(event) : moment(boxes[0].track.series, cell);
}
const spanOf = (e) => `${kindOf(e)}, ${e.from}` + (e.to === e.from ? "" : ` to ${e.to}`);
function rowsOf(e, t) {
  const own = tracks.filter((one) => one.series === t.series);
  return unpacked([e.rows + own.indexOf(t) * e.n_rows, e.n_rows, t.low, t.unit]);
}
function drawCloud() {
  const [x, y] = ["across", "up"].map((id) => tracks[+$(id).value]), series = x.series;
  const size = 420, tall = 400, left = 56, base = tall - 40, box = picture(size, tall, `${y.name} against ${x.name}`);
  const [ex, ey] = [rowsOf(event, x), rowsOf(event, y)];
  const axis = (usual, odd, from, to) => {
    const [low, high] = boundsOf([...usual, ...odd]), room = (high - low || 1) * 0.04;
    return { low, high, place: (v) => from + (v - low + room) / (high - low + 2 * room) * (to - from), ...ticks(low, high, 4) };
  };
  const right = axis(x.usual, ex, left, size - 6), up = axis(y.usual, ey, base, 8);
  for (const v of right.at) box.append(shape("line", { x1: right.place(v), x2: right.place(v), y1: 8, y2: base, class: "axis" }), shape("text", { x: right.place(v), y: base + 16, "text-anchor": "middle" }, written(v, right.step)));
  for (const v of up.at) box.append(shape("line", { x1: left, x2: size, y1: up.place(v), y2: up.place(v), class: "axis" }), shape("text", { x: left - 6, y: up.place(v) + 4, "text-anchor": "end" }, written(v, up.step)));
  box.append(shape("text", { x: size - 6, y: tall - 6, "text-anchor": "end", class: "title" }, `${x.name} →`), shape("text", { x: 12, y: 8, transform: "rotate(-90 12 8)", "text-anchor": "end", class: "title" }, `${y.name} →`));
  const dot = (a, b, style, when) => {
    if (Number.isNaN(a) || Number.isNaN(b)) return;
    const mark = shape("circle", { cx: right.place(a).toFixed(1), cy: up.place(b).toFixed(1), ...style });
    hover(mark, () => `${when()}: ${x.name} ${written(a, x.unit)}, ${y.name} ${written(b, y.unit)}`);
    box.append(mark);
  };
  series.usual.forEach((cell, i) => dot(x.usual[i], y.usual[i], { r: 2.6, class: "fill-rest", "fill-opacity": 0.5 }, () => moment(series, cell)));
  const way = [...ex].map((v, i) => [v, ey[i]]).filter((pair) => !pair.some(Number.isNaN));
  box.append(shape("polyline", { points: way.map(([a, b]) => `${right.place(a).toFixed(1)},${up.place(b).toFixed(1)}`).join(" "), class: "way" }));
  const cells = (i) => event.first + Math.floor((2 * i * (event.last - event.first) + event.n_rows - 1) / Math.max(2 * (event.n_rows - 1), 1));
  ex.forEach((v, i) => dot(v, ey[i], { r: 3.8, class: "fill-alarm", "fill-opacity": 0.85 }, () => moment(series, cells(i))));
  $("cloud").replaceChildren(box);
}
options("event", data.events.map((e, i) => [i, e]).filter(([, e]) => comparable(e)).map(([i, e]) => [i, [e.from, e.entity, kindOf(e), e.channels[0]].filter(Boolean).join(" · ")]));
$("event").addEventListener("change", () => choose(data.events[+$("event").value]));
$("scale").addEventListener("change", drawPanels);
for (const id of ["across", "up"]) $(id).addEventListener("change", drawCloud);

// The first sight ------------------------------------------------------------------------------------
listEvents();
if (tracks.length) {
  const worst = data.events.find((e) => e.blamed.length);
  if (worst) { chosen = worst; markCurrent(chosen); showAround(worst); }
  show(worst ? worst.blamed[0][0] : 0);
} else for (const id of ["series", "parts"]) $(id).hidden = true;
const redraw = () => { if (track) draw(); if (event) drawPanels(); };
addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
