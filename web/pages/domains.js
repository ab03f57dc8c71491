// SPDX-License-Identifier: Apache-2.0
import { get } from "../api.js";
import { h, table, tag } from "../dom.js";
import { filters, query } from "../filters.js";
import { count, share } from "../format.js";
import { domainLink, more, newestPolicies, noReports, policyWords, section } from "./parts.js";

export const title = "Domains";

function domains(found) {
  const policies = newestPolicies(found.policies);
  const columns = [
    { title: "Domain", kind: "name", cell: (d) => domainLink(d.domain, "/") },
    { title: "Policy", kind: "words", cell: (d) => (policies.has(d.domain) ? policyWords(policies.get(d.domain)) : "") },
    { title: "Messages", kind: "number", cell: (d) => count(d.figures.messages) },
    { title: "Aligned", kind: "number", cell: (d) => share(d.figures.aligned, d.figures.messages) },
    { title: "DKIM", kind: "number", cell: (d) => share(d.figures.dkim, d.figures.messages) },
    { title: "SPF", kind: "number", cell: (d) => share(d.figures.spf, d.figures.messages) },
    { title: "Forwarded", kind: "number", cell: (d) => count(d.figures.forwarded) },
    { title: "Last mail", kind: "whole", cell: (d) => d.last_day },
  ];
  return [table("Domains", columns, found.domains), more(found.domains_more, "domains")];
}

function auths(what, second, key, rows) {
  const columns = [
    { title: "Domain", kind: "name", cell: (a) => [a.domain, a.provider && h("div", { class: "soft" }, a.provider)] },
    { title: second, cell: (a) => a[key] },
    { title: "Result", cell: (a) => tag({ pass: "good", fail: "bad" }[a.result] ?? "warn", a.result ?? "unknown") },
    { title: "Messages", kind: "number", cell: (a) => count(a.messages) },
    { title: "Aligned", kind: "number", cell: (a) => share(a.aligned, a.messages) },
  ];
  return table(what, columns, rows);
}

export async function show(place, { go }) {
  const range = query();
  const all = query();
  all.delete("domain");
  const [bar, found, signers] = await Promise.all([filters(go), get("domains", all), get("signers", range)]);
  place.append(h("h1", {}, "Domains"), bar);
  if (found.domains.length === 0) {
    place.append(noReports((await get("store", range)).store));
    return;
  }
  const of = range.get("domain") ?? "all domains";
  place.append(
    section("Domains", domains(found)),
    section(`DKIM signatures: ${of}`, auths("DKIM signatures", "Selector", "selector", signers.dkim), more(signers.dkim_more, "signers")),
    section(`SPF: ${of}`, auths("SPF", "Identity", "scope", signers.spf), more(signers.spf_more, "domains")),
  );
}
