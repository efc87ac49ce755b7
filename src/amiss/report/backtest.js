// A replay over time: the events on top, then a lane of alarms for each promise ----------------------
const LANE = 30, TOP = 22, MARGIN = 10;
function drawLanes() {
  const width = $("lanes").clientWidth || 1000, lanes = data.lanes, height = TOP + LANE * (lanes.length + 1) + 26;
  const svg = picture(width, height, "events and alarms over the history");
  const x = (at) => MARGIN + (at - data.start) / (data.end - data.start || 1) * (width - 2 * MARGIN);
  const lane = (i, name) => {
    const y = TOP + i * LANE;
    svg.append(shape("line", { x1: MARGIN, x2: width - MARGIN, y1: y + 14, y2: y + 14, class: "axis" }), shape("text", { x: MARGIN, y: y - 1, class: "title" }, name));
    return y + 4;
  };
  const top = lane(0, "events");
  for (const [first, last, words] of data.events) {
    const bar = shape("rect", { x: x(first), y: top, width: Math.max(x(last) - x(first), 3), height: 11, rx: 2, class: "fill-rest" });
    hover(bar, () => words);
    svg.append(bar);
  }
  lanes.forEach(({ asked, alarms }, i) => {
    const y = lane(i + 1, asked);
    for (const [at, inEvent, words] of alarms) {
      const mark = shape("rect", { x: x(at) - 1.5, y, width: 3, height: 11, rx: 1, class: inEvent ? "fill-alarm" : "fill-high" });
      hover(mark, () => words);
      svg.append(mark);
    }
  });
  const ends = (at) => x(at) < 30 ? "start" : x(at) > width - 30 ? "end" : "middle";
  const marks = data.timed ? calendarTicks(data.start, data.end, width / 90) : ticks(data.start, data.end, width / 90).at;
  for (const at of marks) svg.append(shape("line", { x1: x(at), x2: x(at), y1: height - 24, y2: height - 19, class: "axis" }), shape("text", { x: x(at), y: height - 6, "text-anchor": ends(at) }, data.timed ? dayWords(at) : `row ${number(at)}`));
  $("lanes").replaceChildren(svg);
}
drawLanes();
addEventListener("resize", drawLanes);
