// SPDX-License-Identifier: Apache-2.0
// The policy simulator: what p=quarantine or p=reject would have done with the mail of these days.

import { bars, everyDay } from "../charts.js";
import { get } from "../api.js";
import { h, table, tag } from "../dom.js";
import { address, changed, filters, query } from "../filters.js";
import { count, share } from "../format.js";
import { figure, newestPolicies, noReports, policyWords, section, soft, sourceClass, weeksWords } from "./parts.js";

export const title = "Policy";

const policies = { none: "watches, and does nothing", quarantine: "marks it as junk", reject: "refuses it" };
const reachedWords = { none: "Reached", quarantine: "Junk", reject: "Refused" };

function choice(go, policy) {
  return h(
    "fieldset",
    { class: "card choice" },
    h("legend", {}, "If the policy had been"),
    Object.entries(policies).map(([p, words]) =>
      h(
        "label",
        {},
        h("input", { type: "radio", id: `policy-${p}`, name: "policy", value: p, checked: p === policy, onchange: () => go(changed({ p })) }),
        ` p=${p} `,
        h("span", { class: "soft" }, words),
      ),
    ),
  );
}

/** Messages of a class that a policy reaches: those that neither DKIM nor SPF aligned for. */
function hitByClass(sources) {
  const hit = { ours: 0, provider: 0, forwarder: 0, threat: 0 };
  for (const s of sources) hit[s.class] += s.figures.messages - s.figures.aligned;
  return hit;
}

function verdict(found, hit) {
  const failing = found.total.messages - found.total.aligned;
  const wanted = hit.ours + hit.provider + hit.forwarder;
  // Sources beyond the largest are not listed, and may be anybody's.
  const which = wanted + hit.threat < failing ? "those of the largest sources" : "all of them";
  const one = (n) => `${count(n)} of ${count(found.total.messages)}`;
  if (failing === 0) return ["good", "It would have reached nobody: all mail of these days aligns."];
  if (wanted === 0)
    return ["good", `It would have reached ${one(failing)} messages, ${which} of sources that nothing of ours stands for.`];
  return [
    "warn",
    `It would have reached ${one(failing)} messages, ${count(wanted)} of them of sources that send in our name or forward our mail. Mend those first.`,
  ];
}

/** Days that were asked for, and those of whole weeks that have mail. */
function shownDays(found) {
  const asked = query();
  const last = found.days.reduce((day, d) => (d.day > day ? d.day : day), asked.get("to"));
  return everyDay(found.from, last);
}

function simulated(found, policy) {
  const hit = hitByClass(found.sources);
  const failing = found.total.messages - found.total.aligned;
  const reached = policy === "none" ? 0 : failing;
  const [kind, words] =
    policy === "none" ? ["soft", "p=none changes nothing: it asks for reports alone."] : verdict(found, hit);
  const days = shownDays(found);
  const by = new Map(found.days.map((d) => [d.day, d.figures]));
  const values = (f) => days.map((d) => (by.has(d) ? f(by.get(d)) : 0));
  const fails = (f) => f.messages - f.aligned;
  return [
    h("p", { class: `notice ${kind}`, role: "status" }, words),
    h(
      "div",
      { class: "cards" },
      figure("Reached", count(reached), `${share(reached, found.total.messages)} of all mail`),
      figure("Of ours and providers", count(policy === "none" ? 0 : hit.ours + hit.provider), "would be lost: set up DKIM or SPF there"),
      figure("Of forwarders", count(policy === "none" ? 0 : hit.forwarder), "may be lost; a DKIM signature survives most of them"),
      figure("Of threats", count(policy === "none" ? 0 : hit.threat), "is what a policy is for"),
    ),
    section(
      `p=${policy}, by day`,
      bars(`What p=${policy} would have reached by day: ${count(reached)} messages`, days, [
        { label: "Delivered", colour: "--good-bar", values: values((f) => (policy === "none" ? f.messages : f.aligned)) },
        { label: reachedWords[policy], colour: "--bad-bar", values: values((f) => (policy === "none" ? 0 : fails(f))) },
      ]),
    ),
  ];
}

function failing(found) {
  const rows = found.sources.filter((s) => s.figures.messages > s.figures.aligned);
  const columns = [
    { title: "Address", kind: "whole", cell: (s) => s.address },
    { title: "Class", cell: (s) => sourceClass(s.class) },
    { title: "Would be reached", kind: "number", cell: (s) => count(s.figures.messages - s.figures.aligned) },
    { title: "Of its messages", kind: "number", cell: (s) => share(s.figures.messages - s.figures.aligned, s.figures.messages) },
    { title: "Last seen", kind: "whole", cell: (s) => s.last_day },
  ];
  return rows.length > 0 ? table("Sources that it would reach", columns, rows) : soft("None.");
}

function overrides(found) {
  if (found.overrides.length === 0) return soft("Reporters say of no message that they did otherwise.");
  const columns = [
    { title: "Reason", cell: (o) => o.reason ?? "unknown" },
    { title: "Done", cell: (o) => tag(o.disposition === "reject" ? "bad" : "soft", o.disposition ?? "unknown") },
    { title: "Messages", kind: "number", cell: (o) => count(o.messages) },
  ];
  return table("Where reporters did otherwise", columns, found.overrides);
}

function published(found) {
  const rows = [...newestPolicies(found.policies).values()];
  const columns = [
    { title: "Domain", kind: "name", cell: (p) => p.domain },
    { title: "Published", kind: "words", cell: policyWords },
    { title: "Alignment", cell: (p) => `DKIM ${p.adkim}, SPF ${p.aspf}` },
    { title: "Since", kind: "whole", cell: (p) => p.first_day },
  ];
  return table("Published policies", columns, rows);
}

export async function show(place, { go }) {
  const wanted = address().get("p");
  const policy = wanted in policies ? wanted : "reject";
  const [bar, found] = await Promise.all([filters(go), get("policy", query())]);
  place.append(h("h1", {}, "Policy simulator"), bar);
  if (found.total.messages === 0) {
    place.append(noReports((await get("store", query())).store));
    return;
  }
  place.append(
    choice(go, policy),
    ...(query().has("domain") ? [] : [soft(weeksWords(found.from, found.to))]),
    ...simulated(found, policy),
    section("Sources that it would reach", failing(found)),
    h("div", { class: "wide" }, section("Where reporters did otherwise", overrides(found)), section("Published now", published(found))),
  );
}
