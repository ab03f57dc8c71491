// SPDX-License-Identifier: Apache-2.0
// Elements, made one way: texts become text nodes, so that nothing of a report is ever markup.

/** An element. attributes: strings, true for one without a value; onNAME: a listener. children: elements, texts,
 * lists of them; null and false are left out. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same in SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

/** Puts the children in place of all that is there. */
export function replace(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
}

/** A word in a colour: "good", "bad", "warn" or "soft". Where there is little room short words stay whole; only those
 * of strangers are longer. */
export function tag(kind, text) {
  const isShort = String(text).split(" ").every((word) => word.length <= 16);
  return h("span", { class: `tag ${kind}${isShort ? " short" : ""}` }, text);
}

/** What stands where there is nothing yet: what it means, and what to do next. */
export function empty(title, ...children) {
  return h("section", { class: "empty" }, h("h2", {}, title), children);
}

/** A command to be copied. */
export function command(text) {
  return h("pre", { class: "command" }, h("code", {}, text));
}

/** A table. columns: [{title, kind: "number"|"whole", of one line|"words", of ours|"name", of a domain|"time", cell: row =>
 * content}]; what: for those who do not see it. */
export function table(what, columns, rows) {
  const kind = (c) => c.kind ?? null;
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": what },
    h(
      "table",
      {},
      h("caption", { class: "unseen" }, what),
      h("thead", {}, h("tr", {}, columns.map((c) => h("th", { scope: "col", class: kind(c) }, c.title)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, columns.map((c) => h("td", { class: kind(c) }, c.cell(row)))))),
    ),
  );
}
