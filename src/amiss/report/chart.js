// Packed numbers -------------------------------------------------------------------------------------
// Whole multiples of a unit, as differences with the sign in the lowest bit, low bytes before high ones: see block.py.
async function inflated(text) {
  const raw = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
const bytes = await inflated(data.numbers);
function unpacked([at, n, low, unit]) {
  const half = bytes.length / 2, values = new Float64Array(n);
  for (let i = 0, sum = 0; i < n; i++) {
    const step = bytes[at + i] + 256 * bytes[half + at + i];
    sum = (sum + ((step >> 1) ^ -(step & 1))) & 65535;
    values[i] = sum === 65535 ? NaN : low + sum * unit;
  }
  return values;
}

// A layer is drawn piece by piece: coarse over all of the series, finer around the events.
function layer(s, step, [base, baseRoom], [near, nearRoom]) {
  const pieces = [];
  let at = 0, taken = 0;
  const coarse = (to) => { if (to >= at) pieces.push({ from: at, to, first: 0, step, skip: 0, low: base, room: baseRoom }); };
  for (const [first, last, fine] of near.length ? s.near : []) {
    coarse(first - 1);
    pieces.push({ from: first, to: last, first, step: fine, skip: taken, low: near, room: nearRoom });
    taken += Math.ceil((last - first + 1) / fine);
    at = last + 1;
  }
  coarse(s.n - 1);
  return pieces;
}
// Calls use(first step, last step, lowest, highest) for all that lies between two steps.
function walk(pieces, a, b, use) {
  for (const p of pieces) {
    const from = Math.max(p.from, Math.floor(a)), to = Math.min(p.to, Math.ceil(b));
    if (to < from) continue;
    for (let i = Math.floor((from - p.first) / p.step), end = Math.floor((to - p.first) / p.step); i <= end; i++) {
      const start = p.first + i * p.step, low = p.low[p.skip + i];
      use(Math.max(p.from, start), Math.min(p.to, start + p.step - 1), low, p.room ? low + p.room[p.skip + i] : low);
    }
  }
}
function at(pieces, cell) {
  let found = null;
  walk(pieces, cell, cell, (first, last, low, high) => { if (first <= cell && cell <= last) found = { first, last, low, high }; });
  return found;
}
const series = data.series.map((s) => {
  const [base, baseRoom, near, nearRoom] = s.score.map(unpacked);
  return { ...s, score: layer(s, s.scored, [base, baseRoom], [near, nearRoom]), usual: unpacked(s.usual) };
});
const tracks = data.tracks.map((t) => {
  const own = series[t.series], [base, baseRoom, near, nearRoom] = t.x.map(unpacked);
  const band = (places) => layer(own, own.band, ...places.map((place) => [unpacked(place)]));
  return { ...t, series: own, x: layer(own, own.values, [base, baseRoom], [near, nearRoom]), expected: band(t.expected), half: band(t.half), usual: unpacked(t.usual) };
});

// Time -----------------------------------------------------------------------------------------------
// Long gaps were cut short on the grid: `cuts` tells where, and how many steps were cut up to there.
function secondsOf(s, cell) {
  const cut = s.cuts.findLast(([place]) => place <= cell);
  return s.start + (cell + (cut ? cut[1] : 0)) * s.interval;
}
const moment = (s, cell) => s.interval ? clock(secondsOf(s, cell), s.interval < 60) : "row " + Math.round(cell).toLocaleString("en-US");
// Steps at which the axis is marked, with their words. A gap that was cut short has none: it is drawn shorter than it was.
function timeTicks(s, a, b, most) {
  const span = (b - a) * s.interval, marks = [];
  if (span < 4) return ticks(a, b, most).at.map((cell) => [cell, s.interval ? moment(s, cell) : cell.toLocaleString("en-US")]);
  const starts = [a, ...s.cuts.map(([cell]) => cell).filter((cell) => cell > a && cell < b)];
  starts.forEach((start, i) => {
    const shift = secondsOf(s, start) - start * s.interval, cut = starts[i + 1], gap = s.gaps.find(([, last]) => last === cut - 1);
    const end = gap ? Math.max(gap[0], start) : cut ?? b;
    calendarTicks(secondsOf(s, start), end * s.interval + shift, most, span).forEach((t, n) => {
      const words = dayWords(t), date = i && !n && words.includes(":") ? `${dayWords(Math.floor(t / 86400) * 86400)} ` : "";
      marks.push([(t - shift) / s.interval, date + words]);
    });
  });
  return marks;
}

// Drawing --------------------------------------------------------------------------------------------
const LEFT = 62, RIGHT = 8;
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
function fitted(node) {
  const ratio = devicePixelRatio || 1, { width, height } = node.getBoundingClientRect();
  node.width = Math.round(width * ratio);
  node.height = Math.round(height * ratio);
  const pen = node.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.font = "11px system-ui, sans-serif";
  return { pen, width, height };
}
const scaleX = (a, b, width) => (cell) => LEFT + (cell - a) / (b - a || 1) * (width - LEFT - RIGHT);
// What is drawn of a track: its values in their unit, or their distance from what was expected.
const OWN = { value: (t, cell, v) => v, edge: (expected, half, side, t) => within(t, expected + side * half) };
// A column that was never negative is not expected to be, nor one that was never positive.
const within = (t, v) => Math.min(Math.max(v, t.floor ?? -Infinity), t.ceiling ?? Infinity);
const BAND = {
  value(t, cell, v) { const half = at(t.half, cell).low; return half > 0 ? (v - at(t.expected, cell).low) / half : NaN; },
  edge: (expected, half, side) => side,
};
function walkBand(t, a, b, use) {
  const halves = [];
  walk(t.half, a, b, (first, last, half) => halves.push(half));
  let i = 0;
  walk(t.expected, a, b, (first, last, expected) => use((first + last) / 2, expected, halves[i++], first, last));
}
// Lowest and highest of what is told to `take`.
function bounds(each) {
  let low = Infinity, high = -Infinity;
  each((v) => { if (v < low) low = v; if (v > high) high = v; });
  return low <= high ? [low, high] : [0, 1];
}
const boundsOf = (values) => bounds((take) => values.forEach(take));
function extent(t, a, b, scale) {
  const [low, high] = bounds((take) => {
    walk(t.x, a, b, (first, last, least, most) => { const cell = (first + last) >> 1; take(scale.value(t, cell, least)); take(scale.value(t, cell, most)); });
    walkBand(t, a, b, (cell, expected, half) => { take(scale.edge(expected, half, -1, t)); take(scale.edge(expected, half, 1, t)); });
  });
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  return [low - room, high + room];
}
function drawBand(pen, t, a, b, across, up, scale) {
  const top = [], bottom = [];
  let before = -Infinity;
  const add = (x, expected, half) => { top.push([x, up(scale.edge(expected, half, 1, t))]); bottom.push([x, up(scale.edge(expected, half, -1, t))]); };
  walkBand(t, a, b, (cell, expected, half, first, last) => {
    const x = across(cell);
    if (!top.length) add(across(first), expected, half);
    if (x - before >= 0.7) { add(x, expected, half); before = x; }
    if (last >= t.series.n - 1) add(across(last), expected, half);
  });
  pen.globalAlpha = 0.38;
  pen.fillStyle = color("--rest");
  pen.beginPath();
  for (const [x, y] of top) pen.lineTo(x, y);
  for (const [x, y] of bottom.reverse()) pen.lineTo(x, y);
  pen.fill();
  pen.globalAlpha = 1;
}
// Lowest and highest value of each pixel: a million points look as they are. A missing value ends the line.
function drawValues(pen, pieces, a, b, across, up) {
  let pixel = null, low, high, open = false;
  const flush = () => {
    if (pixel === null) return;
    if (open) pen.lineTo(pixel, up(low)); else pen.moveTo(pixel, up(low));
    if (high > low) pen.lineTo(pixel, up(high)); else if (!open) pen.lineTo(pixel + 0.5, up(low));
    open = true;
    pixel = null;
  };
  const bars = [];
  pen.beginPath();
  walk(pieces, a, b, (first, last, least, most) => {
    if (Number.isNaN(least)) { flush(); open = false; return; }
    const left = across(first - 0.5), right = across(last + 0.5);
    if (last > first && right - left > 3) { flush(); open = false; bars.push([left, up(most), right - left, Math.max(up(least) - up(most), 1)]); return; }
    const x = (left + right) / 2;
    if (pixel !== null && Math.floor(x) !== Math.floor(pixel)) flush();
    if (pixel === null) { pixel = x; low = least; high = most; } else { low = Math.min(low, least); high = Math.max(high, most); }
  });
  flush();
  pen.stroke();
  pen.globalAlpha = 0.55;
  pen.fillStyle = pen.strokeStyle;
  for (const bar of bars) pen.fillRect(...bar);
  pen.globalAlpha = 1;
}
function hatched(pen) {
  const tile = document.createElement("canvas"), ink = tile.getContext("2d");
  tile.width = tile.height = 6;
  ink.strokeStyle = color("--rest");
  for (const d of [-6, 0, 6]) { ink.moveTo(d, 6); ink.lineTo(d + 6, 0); }
  ink.stroke();
  return pen.createPattern(tile, "repeat");
}
function drawSpans(pen, series, a, b, across, top, height) {
  pen.fillStyle = color("--alarm");
  pen.globalAlpha = 0.16;
  for (const [first, last] of series.spans) if (last >= a && first <= b) pen.fillRect(across(first - 0.5), top, Math.max(across(last + 0.5) - across(first - 0.5), 3), height);
  pen.globalAlpha = 0.7;
  pen.fillStyle = hatched(pen);
  for (const [first, last] of series.gaps) {
    const wide = across(last + 0.5) - across(first - 0.5);
    if (last >= a && first <= b && wide >= 0.7) pen.fillRect(across(first - 0.5), top, Math.max(wide, 2), height);
  }
  pen.globalAlpha = 1;
}
function drawClock(pen, series, a, b, across, width, y) {
  pen.fillStyle = color("--soft");
  let free = -Infinity;
  for (const [cell, words] of timeTicks(series, a, b, Math.max(2, (width - LEFT) / 90))) {
    const room = pen.measureText(words).width, x = across(cell), left = Math.min(Math.max(x - room / 2, LEFT - 20), width - room - 1);
    if (left < free + 12) continue;
    pen.textAlign = "left";
    pen.fillText(words, left, y);
    pen.fillRect(x, y - 16, 1, 4);
    free = left + room;
  }
}
// A track between two steps: gaps, events, band and values, above an axis of time if there is room for it.
function chart(node, t, [a, b], { scale = OWN, range = extent(t, a, b, scale), below = 22, lines = 5 } = {}) {
  const { pen, width, height } = fitted(node), across = scaleX(a, b, width), [low, high] = range, tall = height - (below || 6) - 8;
  const up = (v) => 8 + tall * (1 - (v - low) / (high - low));
  pen.strokeStyle = color("--line");
  pen.fillStyle = color("--soft");
  pen.textAlign = "right";
  const { step, at: marks } = ticks(low, high, lines);
  for (const v of marks) {
    pen.beginPath(); pen.moveTo(LEFT, up(v)); pen.lineTo(width - RIGHT, up(v)); pen.stroke();
    pen.fillText(written(v, step), LEFT - 6, up(v) + 4);
  }
  if (below) drawClock(pen, t.series, a, b, across, width, height - 6);
  pen.save();
  pen.beginPath(); pen.rect(LEFT, 0, width - LEFT - RIGHT, 8 + tall); pen.clip();
  drawSpans(pen, t.series, a, b, across, 8, tall);
  drawBand(pen, t, a, b, across, up, scale);
  pen.strokeStyle = color("--accent");
  pen.lineWidth = 1.2;
  pen.lineJoin = "round";
  drawValues(pen, scale === OWN ? t.x : measured(t, a, b, scale), a, b, across, up);
  pen.restore();
}
// The values of a stretch on another scale, as a layer of its own.
function measured(t, a, b, scale) {
  const pieces = [];
  walk(t.x, a, b, (first, last, least, most) => {
    const cell = (first + last) >> 1, low = scale.value(t, cell, least);
    pieces.push({ from: first, to: last, first, step: last - first + 1, skip: 0, low: [low], room: [scale.value(t, cell, most) - low] });
  });
  return pieces;
}
// What a track holds at a step, in words.
function reading(t, cell) {
  const here = at(t.x, cell);
  if (!here) return "";
  const gap = t.series.gaps.find(([first, last]) => first <= cell && cell <= last);
  if (gap) return `no values from ${moment(t.series, gap[0])} to ${moment(t.series, gap[1])}`;
  const expected = at(t.expected, cell).low, half = at(t.half, cell).low, told = (v) => written(v, t.unit), edge = (side) => told(OWN.edge(expected, half, side, t));
  const n = here.last - here.first + 1, value = n > 1 && here.high > here.low ? `${told(here.low)} to ${told(here.high)} in ${n} rows` : told(here.low);
  return `${value}, expected ${edge(-1)} to ${edge(1)}`;
}
