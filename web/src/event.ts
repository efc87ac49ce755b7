/** The page of one event. */

import { post } from "./api";
import { Detail, eventView } from "./detail";
import { listen } from "./keys";
import type { Live } from "./live";
import { complain, say } from "./notice";
import { may, mount, VERDICTS, verdictWord } from "./parts";
import type { Happening, Labelled, Verdict } from "./shapes";

export async function event(live: Live): Promise<void> {
  const id = decodeURIComponent(location.pathname.split("/")[2] ?? "");
  let { event: shown } = await eventView(id);
  const label = (of: Happening, verdict: Verdict) => {
    post<Labelled>("/api/labels", { event_id: of.id, verdict })
      .then(() => {
        say(`Said: ${verdictWord(verdict)}.`);
        renew({ ...shown, verdict });
      })
      .catch(complain);
  };
  const detail = new Detail(label, "h1");
  const renew = (now: Happening) => {
    shown = now;
    detail.renew(now);
  };
  mount(detail.element);
  detail.show(shown);
  const verdicts = VERDICTS.map(({ verdict, word, key }) => ({ key, word, act: () => may("label") && label(shown, verdict) }));
  listen([...verdicts, { key: "e", word: "explain", act: () => detail.explain() }]);
  live.on("event", (now) => now.id === id && now.updated !== shown.updated && renew(now));
}
