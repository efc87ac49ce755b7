// Hosts ----------------------------------------------------------------------------------------------
const FEW_HOSTS = 12, LISTED = 25, LANES = 14;
let host = null, allHosts = false, all = false, chosen = null;
const kindWords = (kind) => (kind || "").replaceAll("_", " ");
function meter(share) {
  const bar = el("i", {});
  bar.style.width = `${(100 * share).toFixed(1)}%`;
  return el("span", { class: "meter", "aria-hidden": "true" }, bar);
}
function drawHosts() {
  const shown = allHosts ? data.hosts : data.hosts.slice(0, FEW_HOSTS);
  $("more-hosts").hidden = shown.length === data.hosts.length;
  $("more-hosts").textContent = `show all ${data.hosts.length}`;
  $("ranks").tBodies[0].replaceChildren(...shown.map((rank) => {
    const line = el("tr", { tabindex: "0", ...(host === rank.host ? { "aria-current": "true" } : {}) },
      el("td", { class: "mono" }, rank.host), el("td", { class: "num" }, meter(rank.severity), rank.severity.toFixed(2)),
      el("td", {}, rank.kinds.map(kindWords).join(", ")), el("td", { class: "num wide" }, rank.events.toLocaleString("en-US")),
      el("td", { class: "num wide" }, rank.flows.toLocaleString("en-US")), el("td", { class: "when wide" }, rank.from), el("td", { class: "when wide" }, rank.to));
    onPick(line, () => { host = host === rank.host ? null : rank.host; drawHosts(); listEvents(); });
    return line;
  }));
}
$("more-hosts").addEventListener("click", () => { allHosts = true; drawHosts(); });

// Events ---------------------------------------------------------------------------------------------
function listEvents() {
  const words = $("filter").value.trim().toLowerCase();
  const found = data.events.filter((e) => (!host || e.host === host) && (!words || [e.host, kindWords(e.kind), e.reason, e.technique, ...e.peers].join(" ").toLowerCase().includes(words)));
  const shown = all ? found : found.slice(0, LISTED);
  $("count").textContent = `${found.length} of ${counted(data.n_events, "event")}` + (host ? `, those of ${host}` : "") + (data.n_events > data.events.length ? `; the ${data.events.length} gravest are listed` : "");
  $("more").hidden = shown.length === found.length;
  $("rows").tBodies[0].replaceChildren(...shown.map(eventLine));
  markCurrent(chosen);
}
function eventLine(e) {
  const line = el("tr", { class: "main", tabindex: "0" }, el("td", { class: "mono" }, e.host), el("td", {}, kindWords(e.kind)),
    el("td", { class: "num" }, e.severity.toFixed(2)), el("td", { class: "when" }, e.from), el("td", { class: "when wide" }, e.to === e.from ? "" : e.to),
    el("td", { class: "num wide" }, e.flows.toLocaleString("en-US")), el("td", { class: "reason" }, e.reason));
  line.event = e;
  onPick(line, () => choose(e, true));
  return line;
}
function choose(e, go) {
  chosen = e;
  markCurrent(chosen);
  showEvidence(e);
  if (go) $("evidence").scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}
$("filter").addEventListener("input", listEvents);
$("more").addEventListener("click", () => { all = true; listEvents(); });

// Evidence -------------------------------------------------------------------------------------------
const figure = (v, unit) => v === null ? "unknown" : `${Math.abs(v) >= 1000 ? Math.round(v).toLocaleString("en-US") : +v.toPrecision(4)}${unit ? ` ${unit}` : ""}`;
function showEvidence(e) {
  $("evidence").hidden = false;
  $("told").textContent = `${e.host}: ${kindWords(e.kind)}`;
  $("reason").textContent = e.reason;
  $("facts").textContent = [`${e.from}${e.to === e.from ? "" : ` to ${e.to}`} UTC`, `severity ${e.severity.toFixed(2)}`, ...(e.technique ? [`ATT&CK ${e.technique}`] : []), counted(e.flows, "flow"), `with ${counted(e.n_peers, "host")}`].join(" · ");
  $("measures").tBodies[0].replaceChildren(...e.measures.map(([name, value, unit, typical]) => el("tr", {}, el("td", {}, name), el("td", { class: "num" }, figure(value, unit)), el("td", {}, typical))));
  $("measures").hidden = !e.measures.length;
  $("display").textContent = e.display;
  $("capture").textContent = e.capture;
  $("sample").tBodies[0].replaceChildren(...e.sample.map((cells) => el("tr", {}, ...cells.map((cell, i) => el("td", { class: i > 4 ? "num" : i === 1 || i === 2 ? "mono" : i ? "" : "when" }, cell)))));
  drawTalk(e);
}

// In time --------------------------------------------------------------------------------------------
function drawLanes() {
  const place = $("lanes"), width = widthOf(place), left = width < 500 ? 112 : 150, longest = Math.floor(left / 7), right = 12, hosts = data.hosts.slice(0, LANES), tall = 20, top = 6, base = top + hosts.length * tall + 74;
  const { from, to } = data.time, svg = picture(width, base + 24, "Events of the worst hosts, flows and bytes in time"), x = scaleOf({ low: from, high: to }, left, width - right);
  for (const t of calendarTicks(from, to, (width - left) / 90)) svg.append(shape("line", { x1: x(t), x2: x(t), y1: top, y2: base, class: "guide" }), shape("text", { x: x(t), y: base + 16, "text-anchor": "middle" }, dayWords(t)));
  hosts.forEach((rank, i) => {
    const y = top + i * tall;
    svg.append(shape("text", { x: left - 8, y: y + 14, "text-anchor": "end", class: "host" }, rank.host.length > longest ? `${rank.host.slice(0, longest - 1)}…` : rank.host), shape("line", { x1: left, x2: width - right, y1: y + tall, y2: y + tall, class: "guide" }));
    for (const e of data.events) {
      if (e.host !== rank.host || e.at[0] === null) continue;
      const a = x(e.at[0]), bar = shape("rect", { x: a, y: y + 4, width: Math.max(x(e.at[1] ?? e.at[0]) - a, 4), height: tall - 8, rx: 2, class: "lane", tabindex: "0", role: "button", "aria-label": `${e.host}, ${kindWords(e.kind)}, ${e.from}`, "fill-opacity": (0.35 + 0.65 * e.severity).toFixed(2) });
      hover(bar, () => `${kindWords(e.kind)}, ${e.from}${e.to === e.from ? "" : ` to ${e.to}`}: ${e.reason}`);
      onPick(bar, () => choose(e, true));
      svg.append(bar);
    }
  });
  const { flows, bytes } = data.time, up = scaleOf({ low: 0, high: Math.max(...flows, 1) }, base, base - 62), rise = scaleOf({ low: 0, high: Math.max(...bytes, 1) }, base, base - 62), step = (width - right - left) / flows.length;
  flows.forEach((n, i) => { if (n) svg.append(shape("rect", { x: (left + i * step).toFixed(1), y: up(n).toFixed(1), width: Math.max(step - 0.5, 0.8).toFixed(1), height: (base - up(n)).toFixed(1), class: "flows" })); });
  if (Math.max(...bytes, 0) > 0) svg.append(shape("path", { d: bytes.map((v, i) => `${i ? "L" : "M"}${(left + (i + 0.5) * step).toFixed(1)} ${rise(v).toFixed(1)}`).join(""), class: "volume" }));
  svg.append(shape("text", { x: left - 8, y: base - 30, "text-anchor": "end" }, "flows, bytes"));
  const zone = shape("rect", { x: left, y: base - 64, width: width - right - left, height: 64, fill: "transparent" });
  zone.addEventListener("pointermove", (e) => {
    const box = svg.getBoundingClientRect(), i = Math.max(0, Math.min(flows.length - 1, Math.floor(((e.clientX - box.left) * width / box.width - left) / step)));
    say(e, `${clock(from + (to - from) * i / flows.length, to - from < 7200 * 24)}: ${counted(flows[i], "flow")}, ${sizeWords(bytes[i])}`);
  });
  zone.addEventListener("pointerleave", () => { $("tip").hidden = true; });
  svg.append(zone);
  place.replaceChildren(svg);
}
function sizeWords(v) {
  if (v === null) return "unknown size";
  for (const [unit, name] of [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) if (v >= unit) return `${+(v / unit).toPrecision(3)} ${name}`;
  return `${Math.round(v)} bytes`;
}
