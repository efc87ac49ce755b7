/** Keys that do something while nobody writes. */

import { button, h } from "./dom";

export interface Key {
  key: string;
  word: string;
  act: () => void;
}

const isWriting = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Listen for keys; "?" shows them all. */
export function listen(keys: Key[]): void {
  const help = dialog(keys);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (isWriting(event.target)) {
      if (event.key === "Escape") (event.target as HTMLElement).blur();
      return;
    }
    if (event.key === "?") help.showModal();
    const found = keys.find((each) => each.key === event.key);
    if (!found) return;
    event.preventDefault();
    found.act();
  });
}

function dialog(keys: Key[]): HTMLDialogElement {
  const lines = [...keys, { key: "?", word: "show these keys" }].map(({ key, word }) =>
    h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, word)),
  );
  const shown = h("dialog", { "aria-label": "Keys" }, h("h2", {}, "Keys"), h("dl", { class: "keys" }, ...lines));
  shown.append(button("Close", () => shown.close()));
  return document.body.appendChild(shown);
}
