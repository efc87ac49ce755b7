"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);

  // Elements are made with textContent alone: a value from the data is never read as markup.
  function el(name, attributes = {}, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  }
  function shape(name, attributes = {}, text) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  }
  const svg = (width, height, label) => shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const number = (v) => v === null || v === undefined || Number.isNaN(v) ? "missing" : String(+v.toPrecision(6));
  const floats = (text) => {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return new Float32Array(bytes.buffer);
  };
  const pad = (n) => String(n).padStart(2, "0");
  function clock(seconds, fine) {
    const d = new Date(seconds * 1000), day = `${d.getUTCFullYear()}-${pad(d.getUTCMonth() + 1)}-${pad(d.getUTCDate())}`;
    return `${day} ${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}` + (fine ? ":" + pad(d.getUTCSeconds()) : "");
  }
  const tracks = data.tracks.map((t) => ({ ...t, x: floats(t.x), expected: floats(t.expected), half: floats(t.half), score: floats(t.score) }));
  function moment(t, place) {
    const cell = place * t.step, cut = t.cuts.filter(([at]) => at <= cell).pop();
    return t.interval ? clock(t.start + (cell + (cut ? cut[1] : 0)) * t.interval, t.interval < 60) : "row " + Math.round(cell);
  }

  // Events ------------------------------------------------------------------------------------------
  const heads = ["", "from", "to", ...(data.entities ? [data.entities] : []), "kind", "score", "p", "what happened"];
  $("rows").tHead.append(el("tr", {}, ...heads.map((h) => el("th", {}, h))));
  function list() {
    const words = $("filter").value.toLowerCase();
    const chosen = data.events.filter((e) => !words || [e.from, e.to, e.entity, e.kind, e.reason, ...e.channels].join(" ").toLowerCase().includes(words));
    $("count").textContent = `${chosen.length} of ${data.events.length} events`;
    $("rows").tBodies[0].replaceChildren(...chosen.map((e) => {
      const cells = [el("span", { class: "mark" }, "●"), e.from, e.to === e.from ? "" : e.to, ...(data.entities ? [e.entity ?? ""] : []), e.kind.replace("_", " "), e.score.toFixed(1), e.p.toPrecision(2), e.reason];
      const line = el("tr", { class: "main", tabindex: "0" }, ...cells.map((c, i) => el("td", i === cells.length - 1 ? { class: "reason" } : {}, c)));
      const go = () => { show(e.track, e.first, e.last); $("series").scrollIntoView({ behavior: "smooth" }); };
      line.addEventListener("click", go);
      line.addEventListener("keydown", (k) => { if (k.key === "Enter") go(); });
      return line;
    }));
  }
  $("filter").addEventListener("input", list);

  // The plot ----------------------------------------------------------------------------------------
  const plot = $("plot"), strip = $("strip"), left = 62, below = 22;
  let now = 0, view = [0, 1];
  function fitted(node) {
    const ratio = devicePixelRatio || 1, box = node.getBoundingClientRect();
    node.width = Math.round(box.width * ratio); node.height = Math.round(box.height * ratio);
    const pen = node.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    return [pen, box.width, box.height];
  }
  function range(values, a, b) {
    let low = Infinity, high = -Infinity;
    for (let i = Math.max(0, Math.floor(a)); i <= Math.min(values.length - 1, Math.ceil(b)); i++) {
      const v = values[i];
      if (v < low) low = v;
      if (v > high) high = v;
    }
    return low <= high ? [low, high] : [0, 1];
  }
  // Lowest and highest value of each pixel: a million points look as they are.
  function line(pen, values, across, up, a, b, width) {
    const per = (b - a) / width;
    pen.beginPath();
    let open = false;
    const to = (x, y) => { if (Number.isNaN(y)) open = false; else if (open) pen.lineTo(x, y); else { pen.moveTo(x, y); open = true; } };
    if (per <= 1.5) for (let i = Math.max(0, Math.floor(a)); i <= Math.min(values.length - 1, Math.ceil(b)); i++) to(across(i), up(values[i]));
    else for (let p = 0; p < width; p++) {
      const first = Math.max(0, Math.floor(a + p * per)), last = Math.min(values.length - 1, Math.floor(a + (p + 1) * per));
      let low = Infinity, high = -Infinity;
      for (let i = first; i <= last; i++) { const v = values[i]; if (v < low) low = v; if (v > high) high = v; }
      if (low > high) { open = false; continue; }
      to(left + p, up(low)); to(left + p, up(high));
    }
    pen.stroke();
  }
  function draw() {
    const t = tracks[now], [pen, wide, tall] = fitted(plot), width = wide - left - 8, height = tall - below - 8, [a, b] = view;
    const across = (i) => left + (i - a) / (b - a) * width;
    const k = t.coarse;
    const [low, high] = range(t.x, a, b), [el0] = range(t.expected.map((v, i) => v - t.half[i]), a / k, b / k), [, eh] = range(t.expected.map((v, i) => v + t.half[i]), a / k, b / k);
    const bottom = Math.min(low, el0), top = Math.max(high, eh), room = (top - bottom || 1) * 0.05;
    const up = (v) => 8 + height - (v - bottom + room) / (top - bottom + 2 * room) * height;
    pen.clearRect(0, 0, wide, tall);
    pen.font = "11px system-ui, sans-serif"; pen.fillStyle = color("--soft"); pen.strokeStyle = color("--line");
    for (let i = 0; i <= 4; i++) {
      const v = bottom + (top - bottom) * i / 4;
      pen.beginPath(); pen.moveTo(left, up(v)); pen.lineTo(wide - 8, up(v)); pen.stroke();
      pen.textAlign = "right"; pen.fillText(number(+v.toPrecision(4)), left - 6, up(v) + 4);
    }
    const ticks = Math.max(2, Math.floor(width / 190));
    for (let i = 0; i <= ticks; i++) {
      pen.textAlign = i === 0 ? "left" : i === ticks ? "right" : "center";
      pen.fillText(moment(t, a + (b - a) * i / ticks), left + width * i / ticks, tall - 6);
    }
    pen.save(); pen.beginPath(); pen.rect(left, 0, width, tall - below); pen.clip();
    pen.fillStyle = color("--alarm"); pen.globalAlpha = 0.16;
    for (const [f, l] of t.spans) if (l >= a && f <= b) pen.fillRect(across(f) - 1, 8, Math.max(across(l) - across(f), 3), height);
    pen.globalAlpha = 0.4; pen.fillStyle = color("--rest"); pen.beginPath();
    const from = Math.max(0, Math.floor(a / k)), until = Math.min(t.expected.length - 1, Math.ceil(b / k)), stride = Math.max(1, Math.floor((until - from) / 2000));
    for (let i = from; i <= until; i += stride) pen.lineTo(across(i * k), up(t.expected[i] + t.half[i]));
    for (let i = until; i >= from; i -= stride) pen.lineTo(across(i * k), up(t.expected[i] - t.half[i]));
    pen.fill();
    pen.globalAlpha = 1; pen.strokeStyle = color("--accent"); pen.lineWidth = 1.2;
    line(pen, t.x, across, up, a, b, width);
    pen.restore();
    const [ink, w2, h2] = fitted(strip), [sl, sh] = range(t.score, 0, t.score.length - 1), c = t.scored;
    const rise = (v) => h2 - 6 - (v - sl) / (sh - sl || 1) * (h2 - 14);
    ink.clearRect(0, 0, w2, h2);
    ink.fillStyle = color("--soft"); ink.font = "11px system-ui, sans-serif"; ink.textAlign = "right"; ink.fillText("score", left - 6, h2 / 2 + 4);
    if (data.threshold !== null) { ink.strokeStyle = color("--alarm"); ink.setLineDash([4, 4]); ink.beginPath(); ink.moveTo(left, rise(data.threshold)); ink.lineTo(w2 - 8, rise(data.threshold)); ink.stroke(); ink.setLineDash([]); }
    ink.strokeStyle = color("--rest");
    line(ink, t.score, (i) => left + (i * c - a) / (b - a) * width, rise, a / c, b / c, width);
    $("read").textContent = `${moment(t, a)} to ${moment(t, b)}`;
  }
  function show(track, first, last) {
    now = track; $("which").value = String(track);
    const n = tracks[now].x.length - 1;
    const pad = first === undefined ? 0 : Math.max(6 * (last - first), 60);
    view = first === undefined ? [0, Math.max(n, 1)] : [Math.max(0, first - pad), Math.min(n, last + pad)];
    draw(); pieces();
  }
  function zoom(by, at = 0.5) {
    const n = Math.max(tracks[now].x.length - 1, 1), [a, b] = view, middle = a + (b - a) * at, size = Math.min(n, Math.max(10, (b - a) * by));
    const start = Math.max(0, Math.min(n - size, middle - size * at));
    view = [start, start + size]; draw();
  }
  plot.addEventListener("wheel", (e) => { e.preventDefault(); zoom(e.deltaY > 0 ? 1.3 : 0.77, Math.max(0, (e.offsetX - left) / (plot.clientWidth - left))); }, { passive: false });
  plot.addEventListener("dblclick", () => show(now));
  let held = null;
  plot.addEventListener("pointerdown", (e) => { held = [e.clientX, ...view]; plot.setPointerCapture(e.pointerId); });
  plot.addEventListener("pointerup", () => { held = null; });
  plot.addEventListener("pointermove", (e) => {
    if (held) {
      const n = tracks[now].x.length - 1, size = held[2] - held[1], start = Math.max(0, Math.min(n - size, held[1] - (e.clientX - held[0]) / (plot.clientWidth - left) * size));
      view = [start, start + size]; draw();
    } else {
      const t = tracks[now], cell = Math.round(view[0] + (view[1] - view[0]) * (e.offsetX - left) / (plot.clientWidth - left - 8));
      const at = Math.min(t.expected.length - 1, Math.max(0, Math.round(cell / t.coarse)));
      if (cell >= 0 && cell < t.x.length) $("read").textContent = `${moment(t, cell)}: ${number(t.x[cell])}, expected ${number(t.expected[at] - t.half[at])} to ${number(t.expected[at] + t.half[at])}`;
    }
  });
  plot.addEventListener("keydown", (e) => { const by = { "+": 0.7, "-": 1.4 }[e.key]; if (by) zoom(by); });
  $("in").addEventListener("click", () => zoom(0.5)); $("out").addEventListener("click", () => zoom(2)); $("whole").addEventListener("click", () => show(now));
  $("which").append(...tracks.map((t, i) => el("option", { value: String(i) }, t.name)));
  $("which").addEventListener("change", () => show(+$("which").value));

  // Taken apart -------------------------------------------------------------------------------------
  function curve(title, values, label) {
    const width = 320, height = 120, box = svg(width, height, title), [low, high] = range(values, 0, values.length - 1);
    const points = Array.from(values, (v, i) => `${(4 + i / Math.max(values.length - 1, 1) * (width - 8)).toFixed(1)},${(height - 16 - (v - low) / (high - low || 1) * (height - 26)).toFixed(1)}`);
    box.append(shape("polyline", { points: points.join(" "), class: "stroke-line" }), shape("text", { x: 4, y: 10 }, number(high)), shape("text", { x: 4, y: height - 4 }, number(low) + (label ? "  " + label : "")));
    return el("div", {}, el("h3", {}, title), box);
  }
  function pieces() {
    const t = tracks[now];
    $("seasons").textContent = t.seasons.length ? "What repeats: " + t.seasons.map((s) => s.words).join("; ") + "." : "Nothing repeats on time in this series.";
    $("pieces").replaceChildren(curve("trend", t.trend), ...t.seasons.map((s) => curve("one cycle of " + s.period, s.cycle)), curve("left over", t.rest));
    $("week").hidden = !t.week;
    if (t.week) { heat(t.week); boxes(t.day); }
  }
  function heat(week) {
    const width = 760, cell = 27, box = svg(width, 7 * 20 + 24, "mean by hour of the week"), names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const most = Math.max(...week.flat().filter((v) => v !== null).map(Math.abs), 0.5);
    week.forEach((hours, d) => {
      box.append(shape("text", { x: 0, y: d * 20 + 14 }, names[d]));
      hours.forEach((v, h) => {
        const mark = shape("rect", { x: 40 + h * (cell + 2), y: d * 20, width: cell, height: 18, rx: 2, fill: v === null ? "none" : v > 0 ? color("--alarm") : color("--accent"), opacity: v === null ? 0 : Math.abs(v) / most });
        mark.append(shape("title", {}, `${names[d]} ${h}:00: ${v === null ? "no rows" : v.toFixed(2)}`));
        box.append(mark);
      });
    });
    for (let h = 0; h < 24; h += 3) box.append(shape("text", { x: 40 + h * (cell + 2), y: 7 * 20 + 14 }, h + ":00"));
    $("heat").replaceChildren(box);
  }
  function boxes(day) {
    const width = 760, height = 150, box = svg(width, height, "quartiles by hour of the day"), all = day.flat().filter((v) => v !== null), low = Math.min(...all), high = Math.max(...all);
    const up = (v) => height - 20 - (v - low) / (high - low || 1) * (height - 30);
    day.forEach((q, h) => {
      if (q[0] === null) return;
      const x = 40 + h * 29;
      box.append(shape("line", { x1: x + 13, x2: x + 13, y1: up(q[0]), y2: up(q[4]), class: "axis" }), shape("rect", { x: x + 4, y: up(q[3]), width: 18, height: Math.max(up(q[1]) - up(q[3]), 1), class: "fill-rest", opacity: .6 }), shape("line", { x1: x + 4, x2: x + 22, y1: up(q[2]), y2: up(q[2]), stroke: color("--ink") }));
      if (h % 3 === 0) box.append(shape("text", { x: x, y: height - 4 }, h + ":00"));
    });
    box.append(shape("text", { x: 0, y: up(high) + 8 }, number(high)), shape("text", { x: 0, y: up(low) }, number(low)));
    $("boxes").replaceChildren(box);
  }
  list();
  if (tracks.length) { const worst = data.events[0]; worst ? show(worst.track) : show(0); } else { $("series").hidden = true; $("parts").hidden = true; }
  addEventListener("resize", draw);
})();
