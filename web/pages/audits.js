// SPDX-License-Identifier: Apache-2.0
// What audits have found: all domains, or one with its findings, the records that mend them, and what is new.

import { get } from "../api.js";
import { bars } from "../charts.js";
import { command, empty, h, table, tag } from "../dom.js";
import { address, changed } from "../filters.js";
import { clock, count, day, time } from "../format.js";
import { figure, more, section, soft } from "./parts.js";

export const title = "Audits";

const severities = ["critical", "high", "medium", "low", "info"];
const kinds = { critical: "bad", high: "bad", medium: "warn", low: "soft", info: "soft" };
const bySeverity = { critical: "--bad", high: "--bad-bar", medium: "--warn", low: "--bar", info: "--soft" };

/** Those that are faults: severity info is none. */
function faults(counts) {
  return severities.slice(0, -1).reduce((n, s) => n + counts[s], 0);
}

function trend(found) {
  if (found.runs.length < 2) return soft("A trend needs two audits.");
  const newest = found.runs[found.runs.length - 1];
  const words = `Faults of the last ${found.runs.length} audits, by severity: ${count(faults(newest.counts))} in the newest`;
  const series = severities.slice(0, -1).map((s) => ({ label: s, colour: bySeverity[s], values: found.runs.map((r) => r.counts[s]) }));
  return [bars(words, found.runs.map((r) => day(r.time)), series), soft(`${words}.`)];
}

// --- all domains ---

function since(d) {
  if (!d.counts_before) return tag("soft", "first look");
  const grown = faults(d.counts) - faults(d.counts_before);
  if (d.counts.unmeasured > d.counts_before.unmeasured) return tag("warn", "less was measured");
  if (grown > 0) return tag("bad", `${count(grown)} more`);
  return grown < 0 ? tag("good", `${count(-grown)} fewer`) : tag("soft", "as many");
}

function all(found) {
  const number = (s) => ({ title: s[0].toUpperCase() + s.slice(1), kind: "number", cell: (d) => count(d.counts[s]) });
  const columns = [
    { title: "Domain", kind: "name", cell: (d) => h("a", { href: changed({ audit: d.domain }) }, d.domain) },
    ...severities.map(number),
    { title: "Not measured", kind: "number", cell: (d) => count(d.counts.unmeasured) },
    { title: "Than before", cell: since },
    { title: "Looked at", kind: "whole", cell: (d) => time(d.time) },
  ];
  return [
    table("Domains, the worst first", columns, found.domains),
    more(found.domains_more, "domains"),
    found.domains_cut && soft("There are more than 2,000: the first of them by name are counted here."),
  ];
}

function overview(found) {
  const sum = (s) => found.domains.reduce((n, d) => n + d.counts[s], 0);
  const newest = Math.max(...found.domains.map((d) => d.time));
  return [
    h(
      "div",
      { class: "cards" },
      figure("Domains", count(found.domains.length + found.domains_more)),
      figure("Critical", count(sum("critical"))),
      figure("High", count(sum("high"))),
      figure("Medium", count(sum("medium"))),
      figure("Last audit", day(newest), clock(newest)),
    ),
    section("Trend", trend(found)),
    section("Domains", all(found)),
  ];
}

// --- one of them ---

const changes = {
  came: ["bad", "new"],
  changed: ["warn", "changed"],
  went: ["good", "gone"],
  lost: ["warn", "nobody can say now"],
};

/** isBrief: why it matters and what mends it stand elsewhere. */
function finding(f, isBrief) {
  const unknown = f.state === "not_measured";
  return h(
    "li",
    {},
    tag(unknown ? "soft" : kinds[f.severity], unknown ? "not measured" : f.severity),
    " ",
    h("b", {}, f.title ?? f.id),
    f.title && [" ", h("span", { class: "soft" }, f.id)],
    f.change && [" ", tag(...(changes[f.change] ?? ["soft", f.change]))],
    f.evidence && h("p", {}, f.evidence),
    f.why && !isBrief && soft(f.why),
    f.mend && !isBrief && [soft("What mends it:"), command(f.mend)],
  );
}

function findings(list, nothing, isBrief = false) {
  return list.length === 0 ? soft(nothing) : h("ul", { class: "findings" }, list.map((f) => finding(f, isBrief)));
}

/** What audits say of MX records where there is no name. */
const exchanges = { null: "a null MX: it takes no mail", implicit: "none: mail goes to its own address" };

function published(name, value) {
  return (name === "mx" && exchanges[value]) || value;
}

function facts(found) {
  const columns = [
    { title: "What", cell: (f) => f.name },
    { title: "Now", cell: (f) => published(f.name, f.value) ?? "nothing" },
    { title: "Since", kind: "whole", cell: (f) => (f.since === null ? "–" : day(f.since)) },
    { title: "Before", cell: (f) => published(f.name, f.before) ?? "" },
  ];
  return table("What the domain publishes", columns, found.facts);
}

function single(found) {
  const isNew = (f) => f.change !== null;
  const faulty = found.findings.filter((f) => f.state === "fail");
  const unknown = found.findings.filter((f) => f.state !== "fail");
  const news = [...found.findings.filter(isNew), ...found.gone];
  return [
    h(
      "div",
      { class: "cards" },
      figure("Critical", count(found.counts.critical)),
      figure("High", count(found.counts.high)),
      figure("Medium", count(found.counts.medium)),
      figure("Passed", count(found.passed)),
      figure("Looked at", day(found.time), clock(found.time)),
    ),
    section(
      "What is new",
      found.time_before === null
        ? soft("This is the first look at it.")
        : [
            soft(`Since ${time(found.time_before)}: ${news.length === 0 ? "nothing." : ""}`),
            news.length > 0 && findings(news, "", true),
          ],
    ),
    section("Findings", findings(faulty, "Nothing is wrong with it.")),
    unknown.length > 0 && section("Not measured", findings(unknown, "")),
    section("Trend", trend(found)),
    found.facts.length > 0 && section("What it publishes", facts(found)),
  ];
}

// --- the page ---

function notConfigured() {
  return empty(
    "The dashboard knows of no audits",
    h("p", {}, "An audit every night, of the domains in /etc/gatepost/audit-domains, is begun by"),
    command("systemctl enable --now gatepost-audit.timer"),
    h("p", {}, "Its history is shown here when gatepost.yaml says where it is:"),
    command("web:\n  audit_database: /var/lib/gatepost-audit/audit.db"),
  );
}

function noneYet() {
  return empty(
    "No audit has been kept yet",
    h("p", {}, "One is made and kept by"),
    command("gatepost audit --store FILE DOMAIN…"),
    soft("FILE is what web.audit_database names. An audit is seen when it has ended."),
  );
}

async function showOne(place, name) {
  const found = await get("audit", new URLSearchParams({ domain: name }));
  place.append(h("h1", {}, `Audit of ${name}`), h("p", {}, h("a", { href: changed({ audit: "" }) }, "All domains")));
  if (!found.configured) place.append(notConfigured());
  else if (!found.findings)
    place.append(empty("It was never looked at", soft("No audit that is kept has looked at this domain. Choose another.")));
  else place.append(...single(found).flat().filter(Boolean));
}

export async function show(place) {
  const name = address().get("audit");
  if (name) {
    await showOne(place, name);
    return;
  }
  const found = await get("audits");
  place.append(h("h1", {}, "Audits"));
  if (!found.configured) place.append(notConfigured());
  else if (!found.domains?.length) place.append(noneYet());
  else place.append(...overview(found));
}
