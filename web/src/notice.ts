/** Short words at the foot of the window, which go by themselves. */

import { h } from "./dom";
import { Refusal } from "./api";

const SECONDS = 5;
let box: HTMLElement | null = null;

/** Say something. */
export function say(text: string, kind: "note" | "problem" = "note"): void {
  box ??= document.body.appendChild(h("div", { class: "notices", role: "status", "aria-live": "polite" }));
  const notice = h("p", { class: kind }, text);
  box.append(notice);
  while (box.childElementCount > 4) box.firstElementChild?.remove();
  setTimeout(() => notice.remove(), SECONDS * 1000);
}

/** Say what went wrong. */
export function complain(error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  const mend = error instanceof Refusal && error.mend ? ` (${error.mend})` : "";
  say((error instanceof Error ? error.message : String(error)) + mend, "problem");
}
