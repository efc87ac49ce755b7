// Figures by detector and data set ------------------------------------------------------------------
const best = data.sets.map((_, k) => Math.max(...data.detectors.map((d) => d.figures[k][0])));
const upright = (name) => el("th", { scope: "col" }, el("span", {}, name));
$("heat").tHead.replaceChildren(el("tr", {}, el("th", { scope: "col" }, "detector"), upright("mean"), upright("mean rank"), ...data.sets.map(upright)));
$("heat").tBodies[0].replaceChildren(...data.detectors.map((d) => el("tr", {}, el("th", { scope: "row" }, d.name),
  el("td", {}, d.mean.toFixed(3)), el("td", {}, d.rank === null ? "—" : d.rank.toFixed(2)), ...d.figures.map(([value, text], k) => {
    const cell = el("td", {}, value.toFixed(3));
    cell.style.background = tint(Math.min(1, (best[k] - value) / (Math.abs(best[k]) || 1)));
    hover(cell, () => `${d.name} on ${data.sets[k]}: ${text}`);
    return cell;
  }))));

function drawDiagram() {
  if (!data.ranks) return;
  $("ranks").hidden = false;
  drawRanks($("diagram"), data.ranks);
  $("tested").textContent = `Nemenyi's test; Friedman's test of all together has p ${data.ranks.friedman < .001 ? "< .001" : `= ${chance(data.ranks.friedman)}`}`;
}
$("table").hidden = !data.detectors.length;
drawDiagram();
addEventListener("resize", drawDiagram);
