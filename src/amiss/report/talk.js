// Who speaks with whom -------------------------------------------------------------------------------
// Left those who begin, right those who are spoken to; a host that does both stands on both sides.
function drawTalk(e) {
  const place = $("talk"), width = Math.max(300, Math.min(560, place.clientWidth)), pairs = e.pairs;
  if (!pairs.length) { place.replaceChildren(el("p", { class: "hint" }, "Drawn for the gravest events alone.")); return; }
  const sides = [0, 1].map((side) => {
    const sums = new Map();
    for (const p of pairs) sums.set(p[side], (sums.get(p[side]) ?? 0) + (p[4] ? 1e9 : 0) + p[2]);
    return [...sums].sort((a, b) => b[1] - a[1]).map(([name]) => name);
  });
  const tall = 19, height = Math.max(...sides.map((names) => names.length)) * tall + 16, left = Math.min(170, width * 0.33), right = width - left;
  const svg = picture(width, height, `Who speaks with whom around the event of ${e.host}`);
  const at = sides.map((names) => new Map(names.map((name, i) => [name, 16 + (i + 0.5) * (height - 16) / names.length])));
  const most = Math.max(...pairs.map((p) => p[2]), 1);
  for (const [from, to, flows, bytes, told] of [...pairs].sort((a, b) => a[4] - b[4])) {
    const y1 = at[0].get(from), y2 = at[1].get(to), middle = (left + right) / 2;
    const link = shape("path", { d: `M${left} ${y1}C${middle} ${y1} ${middle} ${y2} ${right} ${y2}`, class: told ? "link told" : "link", "stroke-width": (1 + 7 * Math.log1p(flows) / Math.log1p(most)).toFixed(1) });
    hover(link, () => `${from} to ${to}: ${counted(flows, "flow")}, ${sizeWords(bytes)}${told ? "" : ", besides the event"}`);
    svg.append(link);
  }
  sides.forEach((names, side) => names.forEach((name) => {
    const x = side ? right : left, y = at[side].get(name), most = Math.floor(left / 6.8);
    const label = shape("text", { x: side ? x + 8 : x - 8, y: y + 4, "text-anchor": side ? "start" : "end", class: name === e.host ? "host main" : "host" }, name.length > most ? `${name.slice(0, most - 1)}…` : name);
    hover(label, () => name);
    svg.append(shape("circle", { cx: x, cy: y, r: 3, class: "node" }), label);
  }));
  place.replaceChildren(svg);
}

// Ports and bytes ------------------------------------------------------------------------------------
function drawCloud() {
  const points = data.points.filter(([, bytes]) => bytes > 0);
  if (!points.length) { $("cloud").replaceChildren(el("p", { class: "hint" }, "The source says nothing of bytes.")); return; }
  const sizes = points.map((p) => p[1]), told = (v) => v === 0.5 ? "none" : v >= 1e3 ? `${v / 1e3}k` : String(v);
  const box = axes($("cloud"), "Bytes of flows over the port", { low: 0.5, high: 65535, log: true, at: [1, 22, 80, 443, 1024, 8080, 65535], told: String, name: "port of the server; at the left flows without one" },
    { low: Math.min(...sizes), high: Math.max(...sizes, Math.min(...sizes) + 1), log: true, told: (v) => sizeWords(v).replace(" bytes", " B") }, 300);
  for (const [port, bytes, event] of points) {
    const dot = shape("circle", { cx: box.x(Math.max(port, 0.5)).toFixed(1), cy: box.y(bytes).toFixed(1), r: event < 0 ? 2 : 3, class: event < 0 ? "of-rest" : "of-event" });
    if (event >= 0) {
      const e = data.events[event];
      hover(dot, () => `${e.host}: ${kindWords(e.kind)}, port ${port || "none"}, ${sizeWords(bytes)}`);
      dot.addEventListener("click", () => choose(e, true));
    }
    box.svg.append(dot);
  }
  $("cloud").replaceChildren(box.svg);
}
function drawServices() {
  const place = $("services"), width = Math.max(280, Math.min(520, place.clientWidth)), tall = 22, svg = picture(width, data.services.length * tall + 4, "What is spoken most"), most = Math.max(...data.services.map((s) => s[1]), 1);
  data.services.forEach(([name, flows, out, back], i) => {
    const y = i * tall, bar = shape("rect", { x: 92, y: y + 4, width: Math.max(2, (width - 170) * flows / most), height: tall - 8, rx: 3, class: "flows" });
    svg.append(shape("text", { x: 84, y: y + 15, "text-anchor": "end", class: "host" }, name.length > 12 ? `${name.slice(0, 11)}…` : name), bar, shape("text", { x: 100 + (width - 170) * flows / most, y: y + 15 }, flows.toLocaleString("en-US")));
    hover(bar, () => `${name}: ${counted(flows, "flow")}, ${sizeWords(out)} out, ${sizeWords(back)} in`);
  });
  place.replaceChildren(svg);
}

function drawAll() {
  drawLanes();
  drawCloud();
  drawServices();
  if (chosen) drawTalk(chosen);
}
if (!data.events.length) {
  $("rank-hint").textContent = "Nothing stands out.";
  $("choose").textContent = "Nothing stands out.";
  for (const part of document.querySelectorAll("#hosts .scroll, #ranking .bar, #ranking .scroll, #kinds")) part.hidden = true;
} else {
  drawHosts();
  listEvents();
  choose(data.events[0], false);
}
drawAll();
addEventListener("resize", drawAll);
