/** Silences and exclusions, each with how much it hides; a new one says so before it holds. */

import { address, get, post, remove } from "./api";
import { button, fill, h, table } from "./dom";
import { count, number, when } from "./format";
import { complain, say } from "./notice";
import { empty, may, mount, section } from "./parts";
import type { Happening, Silence } from "./shapes";

const PATIENCE = 200;

export async function silences(): Promise<void> {
  const list = h("section");
  const load = async () => {
    const { items } = await get<{ items: Silence[] }>("/api/silences");
    fill(list, items.length ? table(["Source", "Entity", "Kind", "#Hides", "Until", "Why", "Who", ""], items.map((each) => row(each, load))) : empty("Nothing is silenced."));
  };
  await load();
  const form = document.querySelector<HTMLFormElement>("#silence");
  const preview = document.querySelector<HTMLElement>("#preview");
  if (!form || !preview) return;
  prefill(form);
  const ask = asking(form, preview);
  form.addEventListener("input", ask);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(form)) as Record<string, string>;
    const ends = fields["hours"] ? Date.now() / 1000 + 3600 * Number(fields["hours"]) : null;
    const { source, entity, kind, reason } = fields;
    post<{ silence: Silence }>("/api/silences", { source: source || "*", entity: entity || "*", kind: kind || "*", reason, ends })
      .then(({ silence }) => {
        say(`Silenced; it hides ${count(silence.n_hidden, "stored event")}.`);
        form.reset();
        ask();
        return load();
      })
      .catch(complain);
  });
  mount(h("h1", {}, "Silences and exclusions"), may("label") && section("New", form, preview), list);
  ask();
}

function row(silence: Silence, load: () => Promise<void>): (Node | string)[] {
  const end = () => void remove(`/api/silences/${encodeURIComponent(silence.id)}`).then(load).catch(complain);
  const name = (text: string) => h("span", { class: "where" }, text);
  const doing = silence.active && may("label") ? button("End", end) : silence.active ? "holds" : "over";
  return [name(silence.source), name(silence.entity), name(silence.kind), number(silence.n_hidden), silence.ends === null ? "for ever" : h("span", { class: "when" }, when(silence.ends)), silence.reason, silence.author, doing];
}

function prefill(form: HTMLFormElement): void {
  const asked = new URLSearchParams(location.search);
  for (const name of ["source", "entity", "kind"]) {
    const field = form.elements.namedItem(name);
    if (asked.has(name) && field instanceof HTMLInputElement) field.value = asked.get(name)!;
  }
}

/** Says what the form as it stands would hide. */
function asking(form: HTMLFormElement, preview: HTMLElement): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let turn = 0;
  const ask = async () => {
    const mine = ++turn;
    const fields = Object.fromEntries(new FormData(form)) as Record<string, string>;
    const asks = { source: fields["source"], entity: fields["entity"], kind: fields["kind"] };
    try {
      const told = await get<{ n_events: number; examples: Happening[] }>(address("/api/silences/preview", asks));
      if (mine !== turn) return;
      const examples = told.examples.map((each) => `${each.entity ?? each.source}: ${each.kind}, ${when(each.opened)}`);
      fill(preview, h("b", {}, `An exclusion like this would hide ${count(told.n_events, "stored event")}`), examples.length ? `, such as ${examples.slice(0, 3).join("; ")}.` : ".", " A silence for a while hides what comes; stars stand for anything.");
    } catch (error) {
      complain(error);
    }
  };
  return () => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), PATIENCE);
  };
}
