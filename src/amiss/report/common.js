// What every page needs ------------------------------------------------------------------------------
const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);

// Elements are made with textContent alone: a value from the data is never read as markup.
function filled(node, attributes) {
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
function el(name, attributes = {}, ...children) {
  const node = filled(document.createElement(name), attributes);
  node.append(...children);
  return node;
}
function shape(name, attributes = {}, text) {
  const node = filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes);
  if (text !== undefined) node.textContent = text;
  return node;
}
const picture = (width, height, label) => shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
const options = (id, names) => $(id).replaceChildren(...names.map(([value, name]) => el("option", { value }, name)));

// A label with a text of its own, beside the pointer.
function say(e, text) {
  const tip = $("tip");
  tip.textContent = text;
  tip.hidden = false;
  tip.style.left = Math.max(4, Math.min(e.clientX + 14, innerWidth - tip.offsetWidth - 8)) + "px";
  tip.style.top = (e.clientY + tip.offsetHeight + 24 > innerHeight ? e.clientY - tip.offsetHeight - 12 : e.clientY + 14) + "px";
}
function hover(node, text) {
  node.addEventListener("pointermove", (e) => say(e, text()));
  node.addEventListener("pointerleave", () => { $("tip").hidden = true; });
}
// What a click does, Enter and the space bar do too.
function onPick(node, action) {
  node.addEventListener("click", action);
  node.addEventListener("keydown", (e) => {
    if (e.target !== node || (e.key !== "Enter" && e.key !== " ")) return;
    e.preventDefault();
    action();
  });
}

// Which line of the list is shown; the lines stay, so that the one that was pressed keeps the keyboard.
function markCurrent(event) {
  for (const line of $("rows").tBodies[0].rows) if (event && line.event === event) line.setAttribute("aria-current", "true"); else line.removeAttribute("aria-current");
}

// Numbers and times in words -------------------------------------------------------------------------
const number = (v) => v === null || v === undefined || Number.isNaN(v) ? "missing" : typeof v !== "number" ? String(v)
  : Math.abs(v) >= 1e15 || (v !== 0 && Math.abs(v) < 1e-4) ? v.toPrecision(4) : String(+v.toPrecision(7));
const raised = (n) => String(n).replace(/./g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻");
function scientific(v, digits = 1) {
  const [mantissa, exponent] = v.toExponential(digits).split("e");
  return `${+mantissa}·10${raised(+exponent)}`;
}
const chance = (p) => p > 0 && p < 1e-3 ? scientific(p) : String(+p.toPrecision(2));
// As many decimals as differences of that size need.
function written(v, size) {
  if (v === null || Number.isNaN(v)) return "missing";
  if (Math.abs(v) >= 1e7 || (size > 0 && size < 1e-6)) return v === 0 ? "0" : scientific(v, 3);
  const decimals = size > 0 ? Math.max(0, Math.min(6, -Math.floor(Math.log10(size) + 1e-9))) : 0;
  return (Math.abs(v) < 10 ** -decimals / 2 ? 0 : v).toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).replace("-", "−");
}
// Round numbers from low to high: about so many, two at the least.
function ticks(low, high, most) {
  if (!(high > low)) return { step: Math.abs(low) / 1000 || 1, at: [low] };
  const rough = (high - low) / most || 1, power = 10 ** Math.floor(Math.log10(rough));
  for (const step of [10, 5, 2, 1, 0.5].map((m) => m * power).filter((s, i, steps) => !(steps[i + 1] >= rough))) {
    const first = Math.ceil(low / step - 1e-9), n = Math.min(50, Math.floor(high / step + 1e-9) - first + 1);
    const at = Array.from({ length: Math.max(n, 0) }, (_, i) => (first + i) * step);
    if (at.length > 1) return { step, at };
  }
  return { step: rough, at: [low, high] };
}
function clock(seconds, fine) {
  const date = new Date(Math.round(seconds * 1000));
  if (Number.isNaN(date.getTime())) return `${seconds} s`;
  const iso = date.toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, fine ? 19 : 16)}`;
}
// Round moments between two, in seconds since 1970, as far apart as `most` of them in `span` are.
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 2 * 86400, 7 * 86400, 14 * 86400];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
function calendarTicks(from, to, most, span = to - from) {
  const step = STEPS.find((s) => span / s <= most), found = [];
  if (step) {
    const origin = step >= 7 * 86400 ? 4 * 86400 : 0;  // weeks begin on Monday, 1970-01-05
    for (let t = Math.ceil((from - origin) / step) * step + origin; t <= to; t += step) found.push(t);
    return found;
  }
  const months = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1200].find((m) => span / (m * 2.63e6) <= most) ?? 6000;
  const first = new Date(from * 1000), year = first.getUTCFullYear();
  for (let m = Math.ceil((year * 12 + first.getUTCMonth()) / months) * months; found.length < 60; m += months) {
    const t = new Date(0).setUTCFullYear(Math.floor(m / 12), m % 12, 1) / 1000;
    if (t > to) break;
    if (t >= from) found.push(t);
  }
  return found;
}
function dayWords(seconds) {
  const d = new Date(seconds * 1000), time = clock(seconds, true).slice(-8);
  if (time !== "00:00:00") return time.endsWith(":00") ? time.slice(0, 5) : time;
  if (d.getUTCDate() !== 1 || d.getUTCMonth()) return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`;
  return String(d.getUTCFullYear());
}
const counted = (n, what) => `${n.toLocaleString("en-US")} ${what}${n === 1 ? "" : "s"}`;
