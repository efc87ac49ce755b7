/** The dashboard: each page's view, and the line by which the server tells what happens. */

import "uplot/dist/uPlot.min.css";
import "./style.css";

import { detectors } from "./detectors";
import { event } from "./event";
import { explore } from "./explore";
import { labels, models, sources, tokens } from "./lists";
import { Live } from "./live";
import { login } from "./login";
import { complain } from "./notice";
import { overview } from "./overview";
import { queue } from "./queue";
import { set } from "./set";
import { silences } from "./silences";
import { upload } from "./upload";

const VIEWS: Record<string, (live: Live) => Promise<void>> = {
  overview, queue, event, explore, set, detectors, sources, models, labels, silences, upload, tokens,
};

function showLine(stands: boolean): void {
  const shown = document.getElementById("live");
  if (!shown) return;
  shown.className = `live ${stands ? "stands" : "lost"}`;
  shown.textContent = stands ? "live" : "the line is lost; trying again";
}

const page = document.body.dataset["page"] ?? "";
const view = VIEWS[page];
if (page === "login") login();
if (view) view(new Live(showLine)).catch(complain);
document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
