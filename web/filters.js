// SPDX-License-Identifier: Apache-2.0
// What a page is about: a domain and a range of days. All of it stands in the address, so that a link or a bookmark
// shows the same.

import { get } from "./api.js";
import { h } from "./dom.js";

const ranges = { 7: "Last 7 days", 30: "Last 30 days", 90: "Last 90 days", 365: "Last year" };
const DEFAULT_DAYS = 30;
const DAY_MS = 86_400_000;
const OLDEST = "1970-01-01";
const DAYS_MAX = 3650; // of a range that the API answers

/** Days are UTC's, as those of reports are. */
function isoDay(daysAgo) {
  return new Date(Date.now() - daysAgo * DAY_MS).toISOString().slice(0, 10);
}

/** The other end of a range, moved as far as it must when one of them is. Days are compared as texts. */
function near(other, lowest, highest) {
  return other < lowest ? lowest : other > highest ? highest : other;
}

function later(day, days) {
  return new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);
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

/** A day. Browsers tell of a change at each key that is pressed, while the day is half written: then it counts when it is
 * left, or at Enter. choose: is called with a day that there is. */
function dayInput(id, label, value, choose) {
  let typing = false;
  let chosen = value;
  const apply = ({ target }) => {
    typing = false;
    if (!target.value || target.value === chosen || !target.checkValidity()) return;
    chosen = target.value;
    choose(chosen);
  };
  const listeners = {
    onkeydown: (event) => {
      typing = true;
      if (event.key === "Enter") apply(event);
    },
    onchange: (event) => typing || apply(event),
    onblur: apply,
  };
  const input = h("input", { id, type: "date", value, min: OLDEST, max: isoDay(0), ...listeners });
  return h("p", {}, h("label", { for: id }, label), input);
}

/** The filters of a page. */
export async function filters(go) {
  const here = address();
  const range = query();
  const domain = here.get("domain") ?? "";
  const own = here.has("from") || here.has("to");
  const [from, to] = [range.get("from"), range.get("to")];
  const days = own ? "own" : String(Number(here.get("days")) || DEFAULT_DAYS);
  const names = await domains();
  if (domain && !names.includes(domain)) names.unshift(domain);
  const set = (values) => go(changed(values));
  const setRange = (event) => {
    if (event.target.value === "own") set({ days: "", from, to });
    else set({ days: event.target.value, from: "", to: "" });
  };
  return h(
    "form",
    { class: "card filters", "aria-label": "Filters", onsubmit: (event) => event.preventDefault() },
    select("filter-domain", "Domain", domain, [["", "All domains"], ...names.map((n) => [n, n])], (event) =>
      set({ domain: event.target.value }),
    ),
    select("filter-range", "Days (UTC)", days, [...Object.entries(ranges), ["own", "From … to …"]], setRange),
    own && dayInput("filter-from", "From", from, (day) => set({ from: day, to: near(to, day, later(day, DAYS_MAX - 1)) })),
    own && dayInput("filter-to", "To", to, (day) => set({ from: near(from, later(day, 1 - DAYS_MAX), day), to: day })),
    select(
      "filter-trust",
      "Reports",
      here.get("unauthenticated") ?? "",
      [["", "of proven senders"], ["1", "of unproven senders"]],
      (event) => set({ unauthenticated: event.target.value }),
    ),
  );
}
