// SPDX-License-Identifier: Apache-2.0
// What a page is about: a domain and a range of days. All of it stands in the address, so that a link or a bookmark
// shows the same.

import { get } from "./api.js";
import { h } from "./dom.js";

const ranges = { 7: "Last 7 days", 30: "Last 30 days", 90: "Last 90 days", 365: "Last year" };
const DEFAULT_DAYS = 30;

/** Days are UTC's, as those of reports are. */
function isoDay(daysAgo) {
  return new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10);
}

/** The address as it is now. */
export function address() {
  return new URLSearchParams(location.search);
}

/** The same with other values; empty ones go. */
export function changed(values, path = location.pathname) {
  const query = address();
  for (const [name, value] of Object.entries(values)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  return path + (text ? `?${text}` : "");
}

/** The query for the API. more: names of the address that count too. */
export function query(...more) {
  const here = address();
  const found = new URLSearchParams();
  const days = Number(here.get("days")) || DEFAULT_DAYS;
  const own = here.has("from") || here.has("to");
  found.set("from", own ? (here.get("from") ?? isoDay(DEFAULT_DAYS - 1)) : isoDay(days - 1));
  found.set("to", own ? (here.get("to") ?? isoDay(0)) : isoDay(0));
  for (const name of ["domain", "unauthenticated", ...more]) if (here.get(name)) found.set(name, here.get(name));
  return found;
}

async function domains() {
  const range = query();
  range.delete("domain");
  return (await get("domains", range)).domains.map((d) => d.domain);
}

function select(id, label, value, options, onchange) {
  return h(
    "p",
    {},
    h("label", { for: id }, label),
    h("select", { id, onchange }, options.map(([v, title]) => h("option", { value: v, selected: v === value }, title))),
  );
}

function dayInput(id, label, value, onchange) {
  return h("p", {}, h("label", { for: id }, label), h("input", { id, type: "date", value, max: isoDay(0), onchange }));
}

/** The filters of a page. */
export async function filters(go) {
  const here = address();
  const range = query();
  const domain = here.get("domain") ?? "";
  const own = here.has("from") || here.has("to");
  const days = own ? "own" : String(Number(here.get("days")) || DEFAULT_DAYS);
  const names = await domains();
  if (domain && !names.includes(domain)) names.unshift(domain);
  const set = (values) => go(changed(values));
  const setRange = (event) => {
    if (event.target.value === "own") set({ days: "", from: range.get("from"), to: range.get("to") });
    else set({ days: event.target.value, from: "", to: "" });
  };
  return h(
    "form",
    { class: "card filters", "aria-label": "Filters", onsubmit: (event) => event.preventDefault() },
    select("filter-domain", "Domain", domain, [["", "All domains"], ...names.map((n) => [n, n])], (event) =>
      set({ domain: event.target.value }),
    ),
    select("filter-range", "Days (UTC)", days, [...Object.entries(ranges), ["own", "From … to …"]], setRange),
    own && dayInput("filter-from", "From", range.get("from"), (event) => set({ from: event.target.value })),
    own && dayInput("filter-to", "To", range.get("to"), (event) => set({ to: event.target.value })),
    select(
      "filter-trust",
      "Reports",
      here.get("unauthenticated") ?? "",
      [["", "of proven senders"], ["1", "of unproven senders"]],
      (event) => set({ unauthenticated: event.target.value }),
    ),
  );
}
