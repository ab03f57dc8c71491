// SPDX-License-Identifier: Apache-2.0
// What several pages show alike.

import { bars, everyDay } from "../charts.js";
import { command, empty, h, tag } from "../dom.js";
import { changed } from "../filters.js";
import { count, share } from "../format.js";

const classes = {
  ours: ["good", "ours"],
  provider: ["good", "provider"],
  forwarder: ["soft", "forwarder"],
  threat: ["bad", "threat or unknown"],
};

export const classWords = {
  ours: "SPF aligns: the address is in our record.",
  provider: "Signed for us, and SPF passes in its own name.",
  forwarder: "Signed for us, and SPF fails, or a reporter says that it was forwarded.",
  threat: "Nothing of ours stands for its mail: a forger, or a sender of ours that is not set up yet.",
};

export function sourceClass(name) {
  const [kind, words] = classes[name] ?? ["warn", name];
  return tag(kind, words);
}

/** A number with a name, and what it was in the range before. */
export function figure(name, value, note) {
  return h("div", { class: "card" }, h("h2", {}, name), h("p", { class: "figure" }, value), note && h("p", { class: "soft" }, note));
}

export function section(name, ...children) {
  return h("section", { class: "card" }, h("h2", {}, name), children);
}

export function soft(...children) {
  return h("p", { class: "soft" }, children);
}

/** Messages of each day by what DMARC made of them. */
export function messagesByDay(found) {
  const days = everyDay(found.from, found.to);
  const by = new Map(found.days.map((d) => [d.day, d.figures]));
  const values = (f) => days.map((d) => (by.has(d) ? f(by.get(d)) : 0));
  const sum = found.days.reduce((n, d) => n + d.figures.messages, 0);
  return bars(`Messages by day, ${found.from} to ${found.to}: ${count(sum)} in all`, days, [
    { label: "Aligned", colour: "--good-bar", values: values((f) => f.aligned) },
    { label: "Not aligned", colour: "--bad-bar", values: values((f) => f.messages - f.aligned) },
  ]);
}

/** A policy of DMARC in words. */
export function policyWords(p) {
  const parts = [`p=${p.p ?? "?"}`];
  if (p.sp && p.sp !== p.p) parts.push(`sp=${p.sp}`);
  if (p.np && p.np !== p.p) parts.push(`np=${p.np}`);
  if (p.pct !== null && p.pct !== 100) parts.push(`pct=${p.pct}`);
  if (p.testing) parts.push("t=y");
  return parts.join(" ");
}

/** The newest policy of each domain. */
export function newestPolicies(policies) {
  const newest = new Map();
  for (const p of policies) if (!newest.has(p.domain)) newest.set(p.domain, p);
  return newest;
}

/** A link to a page about one domain. */
export function domainLink(domain, path) {
  return h("a", { href: changed({ domain }, path) }, domain);
}

export const sourceColumns = [
  { title: "Messages", kind: "number", cell: (s) => count(s.figures.messages) },
  { title: "Aligned", kind: "number", cell: (s) => share(s.figures.aligned, s.figures.messages) },
  { title: "DKIM", kind: "number", cell: (s) => share(s.figures.dkim, s.figures.messages) },
  { title: "SPF", kind: "number", cell: (s) => share(s.figures.spf, s.figures.messages) },
];

/** Over all domains sources are kept by the week. */
export function weeksWords(from, to) {
  return `Over all domains, sources are counted by whole weeks: these numbers are of ${from} to ${to}. Choose a domain to have them by the day.`;
}

/** Said under a list that is cut. */
export function more(n, what) {
  return n > 0 && soft(`${count(n)} more ${what} are not shown.`);
}

/** There are no reports at all yet, or none in the range. */
export function noReports(store) {
  if (store && store.dmarc + store.tls + store.failure > 0)
    return empty(
      "No reports of these days",
      soft("There are reports, but none of this domain and these days. Choose others above."),
    );
  return empty(
    "No reports yet",
    h("p", {}, "Reports are sent to the addresses that a domain's records name. Publish one for DMARC:"),
    command('_dmarc.DOMAIN. TXT "v=DMARC1; p=none; rua=mailto:reports@DOMAIN"'),
    h("p", {}, "Reports of TLS, and what else a domain has to publish, are told of by"),
    command("gatepost domain show DOMAIN"),
    h("p", {}, "In the configuration, say that this mailbox has reports in it:"),
    command("domains: {DOMAIN: {reports: reports}}"),
    h("p", {}, "Reports that lie elsewhere already are read by"),
    command("gatepost reports import FILE-OR-FOLDER…"),
    soft("The first reports come a day after the record was published."),
  );
}
