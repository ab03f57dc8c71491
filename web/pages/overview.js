// SPDX-License-Identifier: Apache-2.0
import { get } from "../api.js";
import { h, table } from "../dom.js";
import { changed, filters, query } from "../filters.js";
import { count, share, time } from "../format.js";
import { figure, messagesByDay, newestPolicies, noReports, policyWords, section, soft } from "./parts.js";
import { sourceClass, sourceColumns, weeksWords } from "./parts.js";

export const title = "Overview";

/** How a number differs from that of the range before. */
function trend(now, before) {
  if (before === 0) return "nothing in the days before";
  const change = Math.round((100 * (now - before)) / before);
  if (change === 0) return "as in the days before";
  return `${change > 0 ? "+" : "−"}${Math.abs(change)} % against the days before`;
}

/** Days of which all mail aligns, up to the last one with mail. What reporters call forwarded does not make up for what
 * fails: some of it aligns. */
function cleanDays(days) {
  let clean = 0;
  for (const { figures } of [...days].reverse()) {
    if (figures.aligned < figures.messages) break;
    clean++;
  }
  return clean;
}

function figures(found) {
  const { total, before } = found;
  return h(
    "div",
    { class: "cards" },
    figure("Messages", count(total.messages), trend(total.messages, before.messages)),
    figure("Aligned", share(total.aligned, total.messages), `${share(before.aligned, before.messages)} before`),
    figure("Not aligned", count(total.messages - total.aligned), `${count(total.quarantined)} quarantined, ${count(total.rejected)} rejected`),
    figure("New sources", count(found.new_sources), "seen for the first time in these days"),
    figure("Clean days", count(cleanDays(found.days)), "in a row, up to the last with mail: all of it aligned"),
  );
}

function alignment({ total }) {
  const rows = [
    ["DKIM aligned", total.dkim],
    ["SPF aligned", total.spf],
    ["Either of them (DMARC passes)", total.aligned],
    ["Forwarded, as reporters say", total.forwarded],
    ["Quarantined", total.quarantined],
    ["Rejected", total.rejected],
  ];
  const columns = [
    { title: "", cell: ([name]) => name },
    { title: "Messages", kind: "number", cell: ([, n]) => count(n) },
    { title: "Share", kind: "number", cell: ([, n]) => share(n, total.messages) },
  ];
  return table("What became of messages", columns, rows);
}

function policies(found) {
  const rows = [...newestPolicies(found.policies).values()];
  const columns = [
    { title: "Domain", kind: "name", cell: (p) => h("a", { href: changed({ domain: p.domain }, "/policy") }, p.domain) },
    { title: "Policy, as reporters found it", kind: "words", cell: policyWords },
    { title: "Last seen", kind: "whole", cell: (p) => p.last_day },
  ];
  return table("Policies", columns, rows);
}

function failing(found) {
  const rows = found.sources.filter((s) => s.figures.messages > s.figures.aligned);
  if (rows.length === 0) return soft("All of them align.");
  const columns = [
    { title: "Address", kind: "whole", cell: (s) => s.address },
    { title: "Class", cell: (s) => sourceClass(s.class) },
    ...sourceColumns,
  ];
  return [
    table("Sources that fail most", columns, rows),
    !query().has("domain") && soft(weeksWords(found.sources_from, found.sources_to)),
    h("p", {}, h("a", { href: changed({ order: "unaligned" }, "/sources") }, "All sources")),
  ];
}

function notes(found) {
  const { estimated } = found.total;
  const last = found.store.last_received;
  return [
    estimated > 0 && soft(`${count(estimated)} of these messages are of reports over several days, shared out over them.`),
    last !== null && soft(`The last report came on ${time(last)}.`),
  ].filter(Boolean);
}

export async function show(place, { go }) {
  const [bar, found] = await Promise.all([filters(go), get("overview", query())]);
  place.append(h("h1", {}, "Overview"), bar);
  if (found.total.messages === 0) {
    place.append(noReports(found.store));
    return;
  }
  place.append(
    figures(found),
    section("Messages by day", messagesByDay(found)),
    h(
      "div",
      { class: "wide" },
      section("What became of them", alignment(found)),
      section("Published policies", policies(found)),
    ),
    section("Sources that fail most", failing(found)),
    ...notes(found),
  );
}
