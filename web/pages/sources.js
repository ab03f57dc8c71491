// SPDX-License-Identifier: Apache-2.0
import { get } from "../api.js";
import { h, table, tag } from "../dom.js";
import { address, changed, filters, query } from "../filters.js";
import { count } from "../format.js";
import { classWords, messagesByDay, more, noReports, section, soft, sourceClass, sourceColumns, weeksWords } from "./parts.js";

export const title = "Sources";

/** The autonomous system that its address is in. */
function network(s) {
  return s.asn ? `AS${s.asn} ${s.as_name ?? ""}`.trim() : "";
}

/** Its host name, and whose that and its network are. */
function whose(s) {
  const words = [s.provider, network(s)].filter(Boolean).join(", ");
  return [s.name ?? "", words && h("div", { class: "soft" }, words)];
}

function sources(found, domain) {
  const columns = [
    {
      title: "Address",
      kind: "whole",
      cell: (s) => (domain ? h("a", { href: changed({ address: s.address }) }, s.address) : s.address),
    },
    { title: "Name, network", cell: whose },
    { title: "Class", kind: "whole", cell: (s) => sourceClass(s.class) },
    ...sourceColumns,
    { title: "Quarantined, rejected", kind: "number", cell: (s) => count(s.figures.quarantined + s.figures.rejected) },
    { title: "First seen", kind: "whole", cell: (s) => s.first_day },
    { title: "Last seen", kind: "whole", cell: (s) => s.last_day },
  ];
  return table("Sources", columns, found.sources);
}

function results(list) {
  return list.map((a) => h("div", {}, tag({ pass: "good", fail: "bad" }[a.result] ?? "warn", a.result ?? "?"), ` ${a.domain} ${a.selector}`));
}

/** What is known of one source beside its mail. */
function identity(found) {
  const facts = [
    ["Name", found.name ?? "none that forward and reverse DNS agree on, or not looked up yet"],
    ["Provider", found.provider ?? ""],
    ["Network", network(found)],
    ["Class", [sourceClass(found.class), ` ${classWords[found.class] ?? ""}`]],
    ["First seen", found.first_day ?? ""],
    ["Last seen", found.last_day ?? ""],
  ];
  const known = facts.filter(([, what]) => what !== "");
  return h("dl", { class: "facts" }, known.map(([of, what]) => [h("dt", {}, of), h("dd", {}, what)]));
}

/** One of them, for one domain. */
function single(found) {
  const columns = [
    { title: "Reporter", cell: (r) => r.organisation },
    { title: "Messages", kind: "number", cell: (r) => count(r.messages) },
    { title: "From", kind: "name", cell: (r) => r.header_from },
    { title: "Envelope", kind: "name", cell: (r) => r.envelope_from },
    { title: "DKIM", cell: (r) => results(r.dkim) },
    { title: "SPF", cell: (r) => results(r.spf) },
    { title: "Done with it", cell: (r) => [r.disposition ?? "", r.reasons.length > 0 && h("div", { class: "soft" }, r.reasons.join(", "))] },
  ];
  return [
    section("Who it is", identity(found)),
    section("Messages by day", messagesByDay(found)),
    found.cause && section("Why mail of it does not align", h("p", { class: "cause" }, `${found.cause.words}.`)),
    section("What reporters say", table("Rows of reports", columns, found.rows), more(found.rows_more, "rows")),
    h("p", {}, h("a", { href: changed({ address: "" }) }, "All sources")),
  ];
}

export async function show(place, { go }) {
  const here = address();
  const domain = here.get("domain");
  const one = domain && here.get("address");
  const [bar, found] = await Promise.all([
    filters(go),
    one ? get("source", query("address")) : get("sources", query("order")),
  ]);
  place.append(h("h1", {}, one ? `Source ${found.address}` : "Sources"), bar);
  if (one) {
    place.append(...single(found).filter(Boolean));
    return;
  }
  if (found.sources.length === 0) {
    place.append(noReports((await get("store", query())).store));
    return;
  }
  const order = here.get("order") === "unaligned";
  place.append(
    h(
      "section",
      { class: "card" },
      h("h2", {}, order ? "By messages that fail" : "By messages"),
      h("p", {}, h("a", { href: changed({ order: order ? "" : "unaligned" }) }, order ? "In the order of all messages" : "In the order of those that fail")),
      sources(found, domain),
      !domain && soft(weeksWords(found.sources_from, found.sources_to)),
    ),
    section(
      "Classes",
      h("dl", { class: "facts" }, Object.entries(classWords).map(([name, words]) => [h("dt", {}, sourceClass(name)), h("dd", {}, words)])),
    ),
  );
}
