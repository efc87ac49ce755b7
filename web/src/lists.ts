/** Views that are lists: sources, models, labels, tokens. */

import { address, get, post, remove } from "./api";
import { button, fill, h, link, table } from "./dom";
import { ago, number, when } from "./format";
import { soon, type Live } from "./live";
import { complain, say } from "./notice";
import { empty, may, mount, placeOf, section, sourcesTable, stateWord, time, verdictWord } from "./parts";
import type { Label, Model, SourcesView, Token, Undone, Version } from "./shapes";

const PAGE = 100;
const RENEW_MS = 1500;

export async function sources(live: Live): Promise<void> {
  const load = async () => draw(await get<SourcesView>("/api/sources"));
  const draw = ({ items, dead_letters }: SourcesView) => {
    const letters = dead_letters.map((letter) => [time(letter.at), h("span", { class: "where" }, letter.source), letter.reason, h("code", {}, letter.body), number(letter.size_bytes)]);
    const refused = letters.length ? table(["When", "Source", "Why", "Record", "#Bytes"], letters) : empty("None.");
    mount(h("h1", {}, "Sources"), section("What is watched", sourcesTable(items)), section("Records that were not understood", refused));
  };
  await load();
  const renew = soon(() => void load().catch(complain), RENEW_MS);
  live.on("source", renew);
  live.on("reload", renew);
}

export async function models(): Promise<void> {
  const { items } = await get<{ items: Model[] }>("/api/models");
  const none = items.length ? null : empty("No model is kept yet: bring one with ", h("code", {}, "POST /api/models"), ".");
  mount(h("h1", {}, "Models"), none, ...items.map(modelPart));
}

function modelPart(model: Model): HTMLElement {
  const act = (path: string) => () => void post(path).then(models).catch(complain);
  const base = `/api/models/${encodeURIComponent(model.name)}`;
  const doing = (version: Version) => (may("admin") && version.state !== "champion" ? button("Promote", act(`${base}/${version.number}/promote`)) : null);
  const rows = model.versions.map((version) => [version.number, stateWord(version.state), moment(version.created), version.note, h("code", { title: version.digest }, version.digest.slice(0, 10)), doing(version)]);
  const { trial } = model;
  const beside = trial && h("p", {}, `Version ${trial.challenger} runs beside since ${when(trial.since)}, ${number(trial.n_labels)} labels; AUC ${number(trial.challenger_auc)} against ${number(trial.champion_auc)}. ${trial.decision}`);
  const back = may("admin") && model.versions.some((version) => version.state === "retired") && button("Roll back", act(`${base}/roll-back`));
  return section(model.name, beside, table(["#Version", "State", "Made", "Note", "Digest", ""], rows), back);
}

export async function labels(): Promise<void> {
  const body = h("div");
  const load = async (offset: number) => {
    const page = await get<{ items: Label[]; more: boolean }>(address("/api/labels", { limit: PAGE, offset }));
    const rows = page.items.map((label) => [label.place, verdictWord(label.verdict), label.author, time(label.at), of(label), label.reason]);
    const later = offset > 0 && button("Later", () => void load(Math.max(0, offset - PAGE)).catch(complain));
    const earlier = page.more && button("Earlier", () => void load(offset + PAGE).catch(complain));
    fill(body, rows.length ? table(["#No.", "Verdict", "Who", "When", "Of what", "Why"], rows) : empty("Nothing was said yet: ", link("/queue", "judge an event"), "."), h("p", { class: "bar" }, later, earlier));
  };
  const undo = () =>
    void post<Undone>("/api/labels/undo")
      .then((told) => {
        say(told.undone ? `Taken back: ${verdictWord(told.undone.verdict)}.` : "There is nothing to take back.");
        return load(0);
      })
      .catch(complain);
  await load(0);
  mount(h("h1", {}, "Labels"), h("div", { class: "bar" }, link("/api/labels.csv", "All as CSV"), may("label") && button("Undo my last verdict", undo)), h("section", {}, body));
}

function of(label: Label): HTMLElement {
  const span = label.starts === null ? null : h("small", {}, when(label.starts), label.ends !== null && label.ends !== label.starts ? ` to ${when(label.ends)}` : "");
  return h("div", { class: "where" }, placeOf(label), span, label.row_key && h("small", {}, `row ${label.row_key}`));
}

const moment = (seconds: number) => h("span", { class: "when" }, when(seconds));

export async function tokens(): Promise<void> {
  const made = h("section", { class: "made", hidden: true });
  const list = h("div");
  const load = async () => {
    const { items } = await get<{ items: Token[] }>("/api/tokens");
    const revoke = (token: Token) => button("Revoke", () => void remove(`/api/tokens/${encodeURIComponent(token.id)}`).then(load).catch(complain), { "aria-label": `Revoke ${token.name}` });
    const rows = items.map((token) => [h("span", { class: "where" }, token.name), token.scopes.join(", "), moment(token.created), token.expires ? moment(token.expires) : "never", ago(token.used_at), revoke(token)]);
    fill(list, table(["Name", "May", "Made", "Expires", "Used", ""], rows));
  };
  await load();
  const form = document.querySelector<HTMLFormElement>("form.fields");
  if (!form) return;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const fields = new FormData(form);
    const days = Number(fields.get("days")) || null;
    post<{ token: string }>("/api/tokens", { name: fields.get("name"), scopes: fields.getAll("scopes"), days })
      .then((told) => {
        fill(made, h("h2", {}, "Copy it now: it is shown this once"), h("pre", { tabindex: 0 }, told.token));
        made.hidden = false;
        form.reset();
        return load();
      })
      .catch(complain);
  });
  mount(h("h1", {}, "Tokens"), made, section("New", form), h("section", {}, list));
}
