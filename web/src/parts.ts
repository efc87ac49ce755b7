/** Small parts that several views show. */

import { fill, h, link, table } from "./dom";
import { ago, number, shortly, when } from "./format";
import type { Happening, Severity, Source, Verdict } from "./shapes";

export const VERDICTS: { verdict: Verdict; word: string; key: string }[] = [
  { verdict: "anomaly", word: "Anomaly", key: "a" },
  { verdict: "normal", word: "Normal", key: "n" },
  { verdict: "unsure", word: "Unsure", key: "u" },
  { verdict: "not_now", word: "Snooze", key: "s" },
];

export const verdictWord = (verdict: Verdict) => (verdict === "not_now" ? "snoozed" : verdict);

export const scopes = (document.body.dataset["scopes"] ?? "").split(" ");
export const may = (scope: string) => scopes.includes(scope) || scopes.includes("admin");

export function badge(severity: Severity): HTMLElement {
  return h("span", { class: `severity ${severity}` }, severity);
}

export function stateWord(state: string): HTMLElement {
  return h("span", { class: `state ${state}` }, state);
}

export function placeOf(of: { source: string; entity: string | null }): string {
  return of.entity ? `${of.source} · ${of.entity}` : of.source;
}

export const eventAddress = (id: string) => `/events/${encodeURIComponent(id)}`;

export function time(seconds: number): HTMLElement {
  return h("time", { datetime: when(seconds), title: when(seconds) }, shortly(seconds));
}

export function empty(...children: (Node | string)[]): HTMLElement {
  return h("p", { class: "empty" }, ...children);
}

export function section(title: string, ...children: (Node | string | null | false)[]): HTMLElement {
  return h("section", {}, h("h2", {}, title), ...children);
}

/** Four buttons, one for each verdict; `act` is told which. Keys are named where they do the same. */
export function verdictButtons(current: Verdict | null, act: (verdict: Verdict) => void, keys = false): HTMLElement {
  const buttons = VERDICTS.map(({ verdict, word, key }) =>
    h(
      "button",
      { type: "button", class: verdict, "aria-pressed": current === verdict ? "true" : "false", onclick: () => act(verdict) },
      word,
      keys && h("kbd", {}, key),
    ),
  );
  return h("div", { class: "verdicts", role: "group", "aria-label": "Verdict" }, ...buttons);
}

export function eventLine(event: Happening): HTMLElement {
  return h(
    "span",
    { class: "event-line" },
    badge(event.severity),
    " ",
    link(eventAddress(event.id), event.kind),
    " ",
    h("span", { class: "where" }, placeOf(event)),
    " ",
    time(event.opened),
  );
}

export function sourcesTable(sources: Source[]): HTMLElement {
  if (!sources.length) {
    return empty("Nothing is watched yet: ", h("code", {}, "amiss watch"), " with the same store, or push records to ", h("code", {}, "/api/ingest/NAME"), ".");
  }
  const rows = sources.map((source) => [
    h("div", { class: "where" }, source.name, ...source.notes.map((note) => h("small", {}, note))),
    h("div", {}, stateWord(source.state), h("small", {}, ago(source.seen_at))),
    number(source.rate),
    number(source.n_messages),
    number(source.n_entities),
    number(source.n_open),
    h("meter", { min: 0, max: 1, value: source.readiness, title: `${Math.round(100 * source.readiness)} %`, "aria-label": "Readiness" }),
    source.asked,
    source.reached ?? "not yet known",
    source.judge,
    number(source.n_refused),
  ]);
  return table(["Source", "State", "#Rows/s", "#Records", "#Entities", "#Open", "Ready", "Asked", "Reached", "Judge", "#Refused"], rows);
}

/** Put the view's parts in the place of those that the server wrote. */
export function mount(...children: (Node | string | null | false)[]): HTMLElement {
  const main = document.getElementById("main")!;
  fill(main, ...children);
  return main;
}
