/** The triage queue: a list and what is chosen in it, by keys. */

import { address, get, post } from "./api";
import { Detail, eventView, forget } from "./detail";
import { button, fill, h } from "./dom";
import { count, number } from "./format";
import { listen } from "./keys";
import { soon, type Live } from "./live";
import { complain, say } from "./notice";
import { badge, may, mount, placeOf, time, verdictWord } from "./parts";
import type { Happening, Labelled, QueuePage, QueueState, Undone, Verdict } from "./shapes";
import { Standing } from "./standing";

const PAGE = 50;
const MOST = 400;
const RENEW_MS = 400;

export async function queue(live: Live): Promise<void> {
  const asked = new URLSearchParams(location.search);
  const view = new Queue(asked.get("search") ?? "", asked.get("hidden") === "true");
  await view.load();
  live.on("queue", (state) => view.count(state));
  live.on("event", (event) => view.changed(event));
  live.on("reload", () => void view.load());
}

class Queue {
  private readonly standing = new Standing(MOST);
  private readonly list = h("ol", { class: "list", role: "listbox", "aria-label": "Events", tabindex: 0 });
  private readonly counts = h("p", { class: "hint", role: "status" });
  private readonly more = button("More", () => void this.load(this.standing.items.length));
  private readonly detail: Detail;
  private readonly search: HTMLInputElement;
  private readonly withHidden: HTMLInputElement;
  private readonly renew = soon(() => void this.load(), RENEW_MS);
  private waiting = 0;

  constructor(search: string, hidden: boolean) {
    this.detail = new Detail((event, verdict) => this.label(verdict, event), "h2");
    this.search = h("input", { type: "search", value: search, placeholder: "Search ( / )", "aria-label": "Search" });
    this.withHidden = h("input", { type: "checkbox", checked: hidden });
    for (const field of [this.search, this.withHidden]) field.addEventListener("change", () => this.asked());
    const bar = h("div", { class: "bar" }, this.search, h("label", {}, this.withHidden, " hidden too"), may("label") && button("Undo (z)", () => void this.undo()));
    mount(
      h("div", { class: "title-bar" }, h("h1", {}, "Queue"), this.counts, h("span", { class: "hint keys-hint" }, h("kbd", {}, "?"), " keys")),
      h("div", { class: "halves" }, h("div", { class: "half" }, bar, this.list, this.more), this.detail.element),
    );
    this.keys();
    addEventListener("popstate", () => {
      const now = new URLSearchParams(location.search);
      this.search.value = now.get("search") ?? "";
      this.withHidden.checked = now.get("hidden") === "true";
      void this.load();
    });
  }

  /** Ask for the list, from its beginning or for a further page. */
  async load(offset = 0): Promise<void> {
    const asks = { offset, limit: PAGE, search: this.search.value, hidden: this.withHidden.checked || null };
    try {
      const page = await get<QueuePage>(address("/api/queue", asks));
      if (this.waiting) return this.renew();
      this.standing.take(page.items, offset);
      this.count(page);
      this.more.hidden = !page.items.length || this.standing.items.length >= Math.min(page.n_total, MOST);
      this.draw();
    } catch (error) {
      complain(error);
    }
  }

  count(state: QueueState): void {
    fill(this.counts, h("b", {}, number(state.n_left)), ` to judge, ${number(state.n_judged)} judged, ${number(state.n_hidden)} hidden. ${state.learner}`);
  }

  /** An event that has come or changed. */
  changed(event: Happening): void {
    forget(event.id);
    if (this.standing.renew(event)) this.drawLine(event);
    else if (!event.verdict && !event.hidden) this.renew();
  }

  private asked(): void {
    history.pushState(null, "", address("/queue", { search: this.search.value, hidden: this.withHidden.checked || null }));
    void this.load();
  }

  private keys(): void {
    const verdicts: [string, Verdict, string][] = [
      ["a", "anomaly", "it is an anomaly"], ["n", "normal", "it is normal"], ["u", "unsure", "unsure"], ["s", "not_now", "snooze: not now"],
    ];
    listen([
      { key: "j", word: "the next", act: () => this.move(1) },
      { key: "k", word: "the one before", act: () => this.move(-1) },
      ...verdicts.map(([key, verdict, word]) => ({ key, word, act: () => this.label(verdict) })),
      { key: "z", word: "take the last verdict back", act: () => void this.undo() },
      { key: "e", word: "explain", act: () => this.detail.explain() },
      { key: "/", word: "search", act: () => this.search.focus() },
    ]);
    this.list.addEventListener("keydown", (event) => {
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      this.move(by);
    });
  }

  private move(by: number): void {
    this.standing.move(by);
    this.choose();
  }

  /** Say what an event is, and go on at once; what the server then says is taken up quietly. */
  private label(verdict: Verdict, event = this.standing.current): void {
    if (!event || !may("label")) return;
    const place = this.standing.remove(event.id);
    this.lineOf(event.id)?.remove();
    this.choose();
    this.waiting++;
    post<Labelled>("/api/labels", { event_id: event.id, verdict })
      .then((told) => {
        this.waiting--;
        forget(event.id);
        this.count(told.queue);
        this.renew();
      })
      .catch((error) => {
        this.waiting--;
        this.standing.insert(event, place);
        this.draw();
        complain(error);
      });
  }

  private async undo(): Promise<void> {
    if (!may("label")) return;
    try {
      const told = await post<Undone>("/api/labels/undo");
      if (!told.undone) return say("There is nothing to take back.");
      if (told.next) {
        forget(told.next.id);
        this.standing.insert(told.next, 0);
        this.standing.choose(told.next.id);
      }
      this.count(told.queue);
      this.draw();
      say(`Taken back: ${verdictWord(told.undone.verdict)}.`);
    } catch (error) {
      complain(error);
    }
  }

  private draw(): void {
    fill(this.list, ...this.standing.items.map((event) => this.line(event)));
    if (!this.standing.items.length) {
      this.list.append(h("li", { class: "empty", role: "option", "aria-disabled": "true" }, this.search.value ? "Nothing fits the search." : "Nothing is left to judge."));
    }
    this.choose();
  }

  private drawLine(event: Happening): void {
    this.lineOf(event.id)?.replaceWith(this.line(event));
    this.mark();
  }

  private line(event: Happening): HTMLElement {
    const choose = () => {
      this.standing.choose(event.id);
      this.choose();
    };
    return h(
      "li",
      { role: "option", "data-id": event.id, id: `event-${event.id}`, onclick: choose, class: event.hidden ? "away" : null },
      h("div", { class: "line-head" }, badge(event.severity), h("b", {}, event.kind), event.state === "firing" && h("span", { class: "firing" }, "now"), time(event.opened)),
      h("div", { class: "where" }, placeOf(event)),
      h("div", { class: "line-reason" }, event.reason),
      event.question && h("small", { class: "question" }, `a question: ${event.question}`),
    );
  }

  private lineOf(id: string): HTMLElement | null {
    return this.list.querySelector(`[data-id="${CSS.escape(id)}"]`);
  }

  /** Show what is chosen, and have the next ready. */
  private choose(): void {
    this.mark();
    const { current, following } = this.standing;
    this.detail.show(current);
    if (!current) this.detail.element.append(h("p", { class: "empty" }, "All done."));
    if (following) void eventView(following.id).catch(() => undefined);
    document.title = `${count(this.standing.items.length, "event")} · Queue · amiss`;
  }

  private mark(): void {
    const { current } = this.standing;
    this.list.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
    const line = current && this.lineOf(current.id);
    if (!line) return this.list.removeAttribute("aria-activedescendant");
    line.setAttribute("aria-selected", "true");
    this.list.setAttribute("aria-activedescendant", line.id);
    line.scrollIntoView({ block: "nearest" });
  }
}
