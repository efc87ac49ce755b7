// Events ---------------------------------------------------------------------------------------------
const causal = data.events.some((e) => e.raised);
const heads = [["", ""], ...(causal ? [["raised", "when"]] : []), ["from", "when"], ["to", "when wide"], ...(data.entities ? [[data.entities, ""]] : []), ["kind", ""], ["score", "num"], ["p", "num wide"], ["what happened", "reason"]];
const LISTED = 25;
let all = false, chosen = null;
$("rows").tHead.append(el("tr", {}, ...heads.map(([name, style]) => el("th", { scope: "col", class: style }, name))));
const kindOf = (e) => e.kind.replace("_", " ");
function listEvents() {
  const words = $("filter").value.trim().toLowerCase();
  const found = data.events.filter((e) => !words || [e.from, e.to, e.entity, kindOf(e), e.reason, ...e.channels].join(" ").toLowerCase().includes(words));
  const shown = all ? found : found.slice(0, LISTED);
  $("count").textContent = `${found.length} of ${counted(data.n_events, "event")}` + (data.n_events > data.events.length ? `, the ${data.events.length} most severe are listed` : "");
  $("more").hidden = shown.length === found.length;
  $("rows").tBodies[0].replaceChildren(...shown.map(eventLine));
  markCurrent(chosen);
}
function eventLine(e) {
  const cells = [el("span", { class: "mark", "aria-hidden": "true" }, "●"), ...(causal ? [e.raised] : []), e.from, e.to === e.from ? "" : e.to, ...(data.entities ? [e.entity ?? ""] : []), kindOf(e), e.score.toFixed(1), chance(e.p), e.reason];
  const line = el("tr", {}, ...cells.map((cell, i) => el("td", { class: heads[i][1] }, cell)));
  if (!e.blamed.length) return line;
  filled(line, { class: "main", tabindex: "0" });
  Object.assign(line, { event: e });
  onPick(line, () => { choose(e); $("series").scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" }); });
  return line;
}
function choose(e) {
  chosen = e;
  markCurrent(chosen);
  show(e.blamed[0][0], e.window);
  showAround(e);
}
$("filter").addEventListener("input", listEvents);
$("more").addEventListener("click", () => { all = true; listEvents(); });
if (!data.events.length) {
  $("choose").textContent = "Nothing rises above what the promise allows.";
  for (const part of $("ranking").querySelectorAll(".bar, .scroll")) part.hidden = true;
}
if (data.events.some((e) => !e.blamed.length)) $("choose").textContent += " Those that cannot be chosen are in channels beyond the ones that this page holds.";

// The plot -------------------------------------------------------------------------------------------
const plot = $("plot"), FEWEST_SHOWN = 12;
let track = null, view = [0, 1];
const longest = () => Math.max(track.series.n - 1, 1);
function limited(start, size) {
  const most = longest(), wide = Math.min(most, Math.max(FEWEST_SHOWN, size)), from = Math.max(0, Math.min(most - wide, start));
  return [from, from + wide];
}
function drawScore() {
  const { pen, width, height } = fitted($("strip")), [a, b] = view, s = track.series;
  const [low, high] = bounds((take) => { walk(s.score, 0, s.n - 1, (first, last, least, most) => { take(least); take(most); }); if (data.threshold !== null) take(data.threshold); });
  const rise = (v) => height - 6 - (v - low) / (high - low || 1) * (height - 12);
  pen.fillStyle = color("--soft");
  pen.textAlign = "right";
  pen.fillText("score", LEFT - 6, height / 2 + 4);
  pen.beginPath(); pen.rect(LEFT, 0, width - LEFT - RIGHT, height); pen.clip();
  const across = scaleX(a, b, width);
  drawSpans(pen, s, a, b, across, 0, height);
  if (data.threshold !== null) {
    pen.strokeStyle = color("--alarm");
    pen.setLineDash([4, 4]);
    pen.beginPath(); pen.moveTo(LEFT, rise(data.threshold)); pen.lineTo(width - RIGHT, rise(data.threshold)); pen.stroke();
    pen.setLineDash([]);
  }
  pen.strokeStyle = color("--soft");
  drawValues(pen, s.score, a, b, across, rise);
}
function drawOverview() {
  const { pen, width, height } = fitted($("overview")), n = longest(), across = scaleX(0, n, width), [low, high] = extent(track, 0, n, OWN);
  pen.fillStyle = color("--soft");
  pen.textAlign = "right";
  pen.fillText("all", LEFT - 6, height / 2 + 4);
  drawSpans(pen, track.series, 0, n, across, 0, height);
  pen.strokeStyle = color("--rest");
  drawValues(pen, track.x, 0, n, across, (v) => height - 3 - (v - low) / (high - low) * (height - 6));
  pen.strokeStyle = color("--ink");
  pen.lineWidth = 1.5;
  pen.strokeRect(across(view[0]), 1, Math.max(across(view[1]) - across(view[0]), 4), height - 2);
}
function draw() {
  chart(plot, track, view);
  drawScore();
  drawOverview();
  $("read").textContent = `${moment(track.series, view[0])} to ${moment(track.series, view[1])}`;
}
function show(number, window) {
  const before = track;
  track = tracks[number];
  $("which").value = String(number);
  view = window ? limited(window[0], window[1] - window[0]) : [0, longest()];
  $("holes").hidden = !track.series.gaps.length;
  $("limit").hidden = data.threshold === null;
  $("grain").textContent = track.series.values > 1 ? `Away from the most severe events ${track.series.values} rows are drawn as one, from their lowest to their highest value.` : "";
  draw();
  if (track !== before) { showParts(); showCalendar(); }
}
function zoom(by, where = 0.5) {
  const [a, b] = view, size = Math.min(longest(), Math.max(FEWEST_SHOWN, (b - a) * by));
  view = limited(a + (b - a) * where - size * where, size);
  draw();
}
const shareAt = (e) => Math.max(0, Math.min(1, (e.offsetX - LEFT) / (plot.clientWidth - LEFT - RIGHT)));
plot.addEventListener("wheel", (e) => { e.preventDefault(); zoom(e.deltaY > 0 ? 1.3 : 0.77, shareAt(e)); }, { passive: false });
plot.addEventListener("dblclick", () => { view = [0, longest()]; draw(); });
let held = null;
plot.addEventListener("pointerdown", (e) => { held = [e.clientX, ...view]; plot.setPointerCapture(e.pointerId); });
for (const end of ["pointerup", "pointercancel"]) plot.addEventListener(end, () => { held = null; });
plot.addEventListener("pointermove", (e) => {
  if (held) {
    const size = held[2] - held[1];
    view = limited(held[1] - (e.clientX - held[0]) / (plot.clientWidth - LEFT - RIGHT) * size, size);
    draw();
  } else {
    const cell = Math.round(view[0] + (view[1] - view[0]) * shareAt(e));
    $("read").textContent = `${moment(track.series, cell)}: ${reading(track, cell)}`;
  }
});
plot.addEventListener("pointerleave", () => { $("read").textContent = `${moment(track.series, view[0])} to ${moment(track.series, view[1])}`; });
plot.addEventListener("keydown", (e) => {
  const by = { "+": 0.7, "-": 1.4 }[e.key], step = { ArrowLeft: -0.2, ArrowRight: 0.2 }[e.key], size = view[1] - view[0];
  if (!by && !step && e.key !== "Home") return;
  e.preventDefault();
  if (by) zoom(by);
  else { view = step ? limited(view[0] + step * size, size) : [0, longest()]; draw(); }
});
// The overview moves the frame to where it is pressed.
for (const kind of ["pointerdown", "pointermove"]) $("overview").addEventListener(kind, (e) => {
  if (!e.buttons) return;
  const size = Math.min(view[1] - view[0], longest() / 3), middle = (e.offsetX - LEFT) / ($("overview").clientWidth - LEFT - RIGHT) * longest();
  view = limited(middle - size / 2, size);
  draw();
});
$("in").addEventListener("click", () => zoom(0.5));
$("out").addEventListener("click", () => zoom(2));
$("whole").addEventListener("click", () => { view = [0, longest()]; draw(); });
const nameOf = (t) => t.series.name ? `${t.series.name}: ${t.name}` : t.name;
options("which", tracks.map((t, i) => [i, nameOf(t)]));
$("which").addEventListener("change", () => show(+$("which").value, tracks[+$("which").value].series === track.series ? view : null));

// Taken apart ----------------------------------------------------------------------------------------
function curve(title, place, from, to) {
  const values = unpacked(place), width = 320, height = 130, left = 46, box = picture(width, height, title), [low, high] = boundsOf(values);
  const up = (v) => 108 - (v - low) / (high - low || 1) * 98, { step, at: marks } = ticks(low, high, 3);
  for (const v of marks) box.append(shape("line", { x1: left, x2: width, y1: up(v), y2: up(v), class: "axis" }), shape("text", { x: left - 6, y: up(v) + 4, "text-anchor": "end" }, written(v, step)));
  let path = "";
  values.forEach((v, i) => { if (!Number.isNaN(v)) path += `${i && !Number.isNaN(values[i - 1]) ? "L" : "M"}${(left + 2 + i / Math.max(values.length - 1, 1) * (width - left - 4)).toFixed(1)} ${up(v).toFixed(1)}`; });
  box.append(shape("path", { d: path, class: "stroke-line" }), shape("text", { x: left, y: 126 }, from), shape("text", { x: width, y: 126, "text-anchor": "end" }, to));
  return el("div", {}, el("h3", {}, title), box);
}
function showParts() {
  for (const name of document.querySelectorAll(".channel")) name.textContent = nameOf(track);
  $("seasons").textContent = track.seasons.length ? "What repeats: " + track.seasons.map((s) => s.words).join("; ") + "." : "Nothing repeats on time in this series.";
  const ends = [0, longest()].map((cell) => moment(track.series, cell).slice(0, track.series.interval && secondsOf(track.series, longest()) - track.series.start > 3 * 86400 ? 10 : 19));
  $("pieces").replaceChildren(
    curve("trend", track.trend, ...ends),
    ...track.seasons.map((s) => curve("one cycle of " + s.period, s.cycle, "", s.period)),
    curve("left over", track.rest, ...ends),
  );
}

// Hours and days -------------------------------------------------------------------------------------
const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], HOURS = Array.from({ length: 24 }, (_, h) => `${h}:00`);
function showCalendar() {
  $("week").hidden = !track.week;
  if (!track.week) return;
  $("heat").replaceChildren(heat(unpacked(track.week)));
  $("hourly").replaceChildren(boxes(unpacked(track.hours), HOURS, 3, 720, "values by hour of the day"));
  $("daily").replaceChildren(boxes(unpacked(track.days), DAYS, 1, 330, "values by day of the week"));
}
function heat(week) {
  const cell = 42, tall = 22, left = 40, box = picture(left + 24 * cell, 7 * tall + 22, "means by hour of the week");
  const most = week.reduce((x, v) => Number.isNaN(v) ? x : Math.max(x, Math.abs(v)), 0.5);
  $("deepest").textContent = written(most, 0.1);
  week.forEach((v, i) => {
    const day = Math.floor(i / 24), hour = i % 24, none = Number.isNaN(v);
    const mark = shape("rect", { x: left + hour * cell, y: day * tall, width: cell - 2, height: tall - 2, rx: 2, class: none ? "none" : v > 0 ? "fill-high" : "fill-low", "fill-opacity": none ? 1 : (Math.abs(v) / most).toFixed(3) });
    hover(mark, () => `${DAYS[day]} ${hour}:00: ${none ? "no values" : `${v > 0 ? "+" : ""}${written(v, 0.01)} deviations`}`);
    box.append(mark);
  });
  DAYS.forEach((name, day) => box.append(shape("text", { x: left - 8, y: day * tall + 15, "text-anchor": "end" }, name)));
  for (let h = 0; h < 24; h += 3) box.append(shape("text", { x: left + h * cell, y: 7 * tall + 14 }, HOURS[h]));
  return box;
}
function boxes(quantiles, names, every, width, label) {
  const height = 190, left = 48, base = 166, box = picture(width, height, label), [low, high] = boundsOf(quantiles);
  const up = (v) => base - 4 - (v - low) / (high - low || 1) * (base - 12), wide = (width - left) / names.length, { step, at: marks } = ticks(low, high, 4);
  for (const v of marks) box.append(shape("line", { x1: left, x2: width, y1: up(v), y2: up(v), class: "axis" }), shape("text", { x: left - 6, y: up(v) + 4, "text-anchor": "end" }, written(v, step)));
  names.forEach((name, i) => {
    const q = quantiles.slice(5 * i, 5 * i + 5), middle = left + (i + 0.5) * wide, half = Math.min(wide * 0.32, 14);
    if (i % every === 0) box.append(shape("text", { x: middle, y: height - 6, "text-anchor": "middle" }, name));
    if (Number.isNaN(q[0])) return;
    const group = shape("g");
    group.append(
      shape("line", { x1: middle, x2: middle, y1: up(q[0]), y2: up(q[4]), class: "whisker" }),
      shape("rect", { x: middle - half, y: up(q[3]), width: 2 * half, height: Math.max(up(q[1]) - up(q[3]), 1), class: "quartiles" }),
      shape("line", { x1: middle - half, x2: middle + half, y1: up(q[2]), y2: up(q[2]), class: "median" }),
    );
    hover(group, () => `${name}: median ${written(q[2], step / 10)}, half from ${written(q[1], step / 10)} to ${written(q[3], step / 10)}`);
    box.append(group);
  });
  return box;
}
