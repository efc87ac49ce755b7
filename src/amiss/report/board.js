// The table of detectors ----------------------------------------------------------------------------
const heads = [
  { title: "detector", key: (d) => d.name },
  { title: "learns from", key: (d) => d.learns },
  ...data.columns.map((c) => ({ title: c.title, figure: c.key, num: true, less: c.less, key: (d) => d.figures[c.key]?.[0] ?? null })),
  { title: "p against the best", num: true, key: (d) => d.p, text: (d) => d.p === null ? "" : chance(d.p) },
];
let order = { head: heads[2], down: !heads[2].less }, all = false;

function drawHead() {
  $("rows").tHead.replaceChildren(el("tr", {}, ...heads.map((head) => {
    const cell = el("th", { tabindex: "0", scope: "col", class: head.num ? "num" : "" }, head.title);
    if (head === order.head) cell.setAttribute("aria-sort", order.down ? "descending" : "ascending");
    onPick(cell, () => { order = { head, down: head === order.head ? !order.down : Boolean(head.num && !head.less) }; drawHead(); drawBoard(); });
    return cell;
  })));
}
// What is not there comes last, whichever way the others go.
function sorted() {
  const { head: { key }, down } = order;
  return data.detectors.map((d, i) => [key(d), i]).sort(([a, i], [b, j]) => a === b ? i - j : a === null ? 1 : b === null ? -1 : (a < b) !== down ? -1 : 1).map(([, i]) => data.detectors[i]);
}
function cellOf(d, head) {
  if (!head.figure) return el("td", { class: head.num ? "num" : "" }, head.text ? head.text(d) : head.key(d));
  const [, text, interval] = d.figures[head.figure] ?? [null, "—", ""];
  return el("td", { class: "num" }, text, el("span", {}, interval));
}
function detailOf(d) {
  const list = (title, lines) => lines.length ? [el("b", {}, title), el("ul", {}, ...lines.map((line) => el("li", {}, line)))] : [];
  const said = [...list("False-alarm rates", d.rates), ...list("Parameters that tuning chose", d.params), ...list("Notes", d.notes)];
  return el("tr", { class: "detail" }, el("td", { colspan: String(heads.length) }, ...said));
}
function drawBoard() {
  const lines = sorted(), shown = all ? lines : lines.slice(0, 20);
  $("more").hidden = shown.length === lines.length;
  $("more").textContent = `show all ${lines.length}`;
  $("rows").tBodies[0].replaceChildren(...shown.map((d) => {
    const line = el("tr", { class: d === data.detectors[0] ? "main best" : "main", tabindex: "0", "aria-expanded": "false" }, ...heads.map((head) => cellOf(d, head)));
    onPick(line, () => {
      const next = line.nextElementSibling, open = next && next.classList.contains("detail");
      if (open) next.remove(); else line.after(detailOf(d));
      line.setAttribute("aria-expanded", String(!open));
    });
    return line;
  }));
}
$("more").addEventListener("click", () => { all = true; drawBoard(); });
if (data.detectors.length) {
  drawHead();
  drawBoard();
} else for (const id of ["curves", "worth", "decisions", "effort"]) $(id).hidden = true;
