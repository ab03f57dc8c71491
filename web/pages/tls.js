// SPDX-License-Identifier: Apache-2.0
import { get } from "../api.js";
import { bars, everyDay } from "../charts.js";
import { command, h, table, tag } from "../dom.js";
import { filters, query } from "../filters.js";
import { count, share } from "../format.js";
import { figure, more, noReports, section, soft } from "./parts.js";

export const title = "TLS";

// RFC 8460 section 4.3, in words.
const words = {
  "starttls-not-supported": "the host offered no STARTTLS",
  "certificate-host-mismatch": "the certificate is for another name",
  "certificate-expired": "the certificate has expired",
  "certificate-not-trusted": "the certificate is of no authority that the sender trusts",
  "validation-failure": "some other failure of the certificate",
  "tlsa-invalid": "no TLSA record matches",
  "dnssec-invalid": "DNSSEC of the records failed",
  "dane-required": "the sender demands DANE, and there is none",
  "sts-policy-fetch-error": "the MTA-STS policy could not be fetched",
  "sts-policy-invalid": "the MTA-STS policy is none",
  "sts-webpki-invalid": "the certificate of the policy's host is not valid",
};
const types = { tlsa: "DANE", sts: "MTA-STS", "no-policy-found": "no policy" };

function chart(found) {
  const days = everyDay(found.from, found.to);
  const sum = (key) => days.map((day) => found.days.filter((d) => d.day === day).reduce((n, d) => n + d[key], 0));
  const failed = sum("failed");
  return bars(`Sessions by day: ${count(failed.reduce((a, b) => a + b, 0))} failed`, days, [
    { label: "Encrypted as demanded", colour: "--good-bar", values: sum("successful") },
    { label: "Failed", colour: "--bad-bar", values: failed },
  ]);
}

function byType(found) {
  const rows = new Map();
  for (const d of found.days) {
    const row = rows.get(d.type) ?? { type: d.type, successful: 0, failed: 0 };
    row.successful += d.successful;
    row.failed += d.failed;
    rows.set(d.type, row);
  }
  const columns = [
    { title: "Policy", cell: (r) => types[r.type] ?? r.type },
    { title: "Sessions", kind: "number", cell: (r) => count(r.successful + r.failed) },
    { title: "Failed", kind: "number", cell: (r) => count(r.failed) },
    { title: "Share", kind: "number", cell: (r) => share(r.failed, r.successful + r.failed) },
  ];
  return table("Sessions by policy", columns, [...rows.values()]);
}

function failures(found, domain) {
  if (found.failures.length === 0) return soft("None: every session was encrypted as our policies demand.");
  const columns = [
    { title: "Failure", cell: (f) => [tag("bad", f.result), words[f.result] && h("div", { class: "soft" }, words[f.result])] },
    { title: "Our host", cell: (f) => f.mx || "not said" },
    { title: "Who met it", cell: (f) => f.organisation },
    { title: "Sessions", kind: "number", cell: (f) => count(f.sessions) },
    { title: "First day", kind: "whole", cell: (f) => f.first_day },
    { title: "Last day", kind: "whole", cell: (f) => f.last_day },
  ];
  return [
    table("Failures", columns, found.failures),
    more(found.failures_more, "failures"),
    h("p", {}, "How our hosts look from outside now:"),
    command(`gatepost audit ${domain ?? "DOMAIN"}`),
  ];
}

export async function show(place, { go }) {
  const range = query();
  const [bar, found] = await Promise.all([filters(go), get("tls", range)]);
  place.append(h("h1", {}, "TLS"), bar);
  const sessions = found.days.reduce((n, d) => n + d.successful + d.failed, 0);
  const failed = found.days.reduce((n, d) => n + d.failed, 0);
  if (sessions === 0) {
    place.append(noReports((await get("store", range)).store));
    return;
  }
  place.append(
    h(
      "div",
      { class: "cards" },
      figure("Sessions", count(sessions), "of others who sent mail to us"),
      figure("Failed", count(failed), `${share(failed, sessions)} of them`),
    ),
    section("Sessions by day", chart(found)),
    section("By policy", byType(found)),
    section("Failures", failures(found, range.get("domain"))),
  );
}
