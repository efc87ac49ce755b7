// Critical-difference diagram -----------------------------------------------------------------------
// The rank axis on top, the best on the left; a bar joins detectors that cannot be told apart.
function drawRanks(node, figure) {
  const n = figure.names.length, width = Math.max(760, Math.min(1060, node.clientWidth)), side = 250;
  const axis = figure.difference === null ? 30 : 52, x = (rank) => side + (rank - 1) / Math.max(n - 1, 1) * (width - 2 * side);
  // Bars that overlap lie in rows of their own.
  const ends = [], rows = figure.groups.map(([first, last]) => {
    const free = ends.findIndex((end) => figure.ranks[first] > end + .02 * n), row = free < 0 ? ends.length : free;
    ends[row] = figure.ranks[last];
    return row;
  });
  const under = axis + 16 + 9 * ends.length, half = Math.ceil(n / 2), height = under + 18 * half + 8;
  const svg = picture(width, height, "mean ranks of the detectors");
  svg.append(shape("line", { x1: x(1), x2: x(n), y1: axis, y2: axis, class: "elbow" }));
  for (const rank of n > 12 ? ticks(1, n, 8).at.filter(Number.isInteger) : Array.from({ length: n }, (_, i) => i + 1)) {
    svg.append(shape("line", { x1: x(rank), x2: x(rank), y1: axis - 5, y2: axis, class: "elbow" }), shape("text", { x: x(rank), y: axis - 9, "text-anchor": "middle" }, String(rank)));
  }
  if (figure.difference !== null) {
    const end = Math.min(1 + figure.difference, n);
    svg.append(shape("line", { x1: x(1), x2: x(end), y1: 18, y2: 18, class: "bar-line" }), shape("text", { x: x(1), y: 11 }, `critical difference ${figure.difference.toFixed(2)}`));
  }
  figure.names.forEach((name, i) => {
    const left = i < half, y = under + 18 * (left ? i : n - 1 - i) + 6, at = x(figure.ranks[i]), edge = left ? side - 8 : width - side + 8;
    svg.append(shape("path", { d: `M${at} ${axis}V${y}H${edge}`, class: "elbow" }));
    const words = shape("text", { x: left ? edge - 5 : edge + 5, y: y + 4, "text-anchor": left ? "end" : "start", class: "name" }, `${name.length > 26 ? `${name.slice(0, 25)}…` : name} `);
    words.append(shape("tspan", { fill: "var(--soft)" }, figure.ranks[i].toFixed(2)));
    hover(words, () => `${name}: mean rank ${figure.ranks[i].toFixed(2)}`);
    svg.append(words);
  });
  figure.groups.forEach(([first, last], i) => {
    const y = axis + 10 + 9 * rows[i];
    const bar = shape("line", { x1: x(figure.ranks[first]) - 4, x2: x(figure.ranks[last]) + 4, y1: y, y2: y, class: "bar-line" });
    hover(bar, () => `not told apart: ${figure.names.slice(first, last + 1).join(", ")}`);
    svg.append(bar);
  });
  node.replaceChildren(svg);
}
