/** Elements, made of names, attributes and children; text is only ever text. */

type Child = Node | string | number | null | undefined | false;
type Attributes = Record<string, string | number | boolean | null | undefined | ((event: never) => void)>;

/** An element. Attributes that begin with "on" are listeners; true stands without a value; null, undefined and false do not stand. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  put(element, ...children);
  return element;
}

/** Add children; nothing is added for null, undefined and false. */
export function put(parent: Node, ...children: Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Have these children in the place of those that were there. */
export function fill(parent: Element, ...children: Child[]): void {
  parent.replaceChildren();
  put(parent, ...children);
}

/** A table that scrolls by itself. Names of columns that begin with "#" are of numbers. */
export function table(columns: string[], rows: Child[][]): HTMLElement {
  const isNumber = columns.map((name) => name.startsWith("#"));
  const head = columns.map((name, k) => h("th", { class: isNumber[k] ? "num" : null, scope: "col" }, name.replace("#", "")));
  const body = rows.map((cells) => h("tr", {}, ...cells.map((cell, k) => h("td", { class: isNumber[k] ? "num" : null }, cell))));
  return h("div", { class: "scroll", tabindex: 0 }, h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...body)));
}

/** A link within the server. */
export function link(address: string, ...children: Child[]): HTMLAnchorElement {
  return h("a", { href: address }, ...children);
}

/** A button that does something. */
export function button(word: string, act: () => void, attributes: Attributes = {}): HTMLButtonElement {
  return h("button", { type: "button", onclick: act, ...attributes }, word);
}
