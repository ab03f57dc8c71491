// SPDX-License-Identifier: Apache-2.0
// What a scan has found: the hosts, the worst first, each with its findings.

import { get } from "../api.js";
import { command, empty, h, table, tag } from "../dom.js";
import { address, changed } from "../filters.js";
import { clock, count, day, time } from "../format.js";
import { figure, more, section, soft } from "./parts.js";

export const title = "Scans";

const HOSTS_OF_A_PAGE = 100;
const severities = ["critical", "high", "medium", "low", "info"];
const kinds = { critical: "bad", high: "bad", medium: "warn", low: "soft", info: "soft" };

function software(host) {
  return [host.software, host.software_version].filter(Boolean).join(" ");
}

function place(host) {
  if (!host.address) return "no address";
  return `${host.address.includes(":") ? `[${host.address}]` : host.address}:${host.port}`;
}

// --- the filter, which stands in the address ---

function asked() {
  const here = address();
  const severity = here.get("severity") ?? "";
  const start = Number(here.get("start"));
  return {
    severity: severities.includes(severity) ? severity : "",
    text: here.get("text") ?? "",
    start: Number.isInteger(start) && start > 0 ? start : 0,
  };
}

function filter(wish, go) {
  const set = (values) => go(changed({ start: "", ...values }));
  const options = [["", "All"], ...severities.map((s, i) => [s, i === 0 ? s : `${s} or graver`])];
  const text = h("input", { id: "scan-text", type: "search", value: wish.text, maxlength: 100 });
  return h(
    "form",
    {
      class: "card filters",
      "aria-label": "Filters",
      onsubmit: (event) => {
        event.preventDefault();
        set({ text: text.value.trim() });
      },
    },
    h(
      "p",
      {},
      h("label", { for: "scan-severity" }, "Severity"),
      h(
        "select",
        { id: "scan-severity", onchange: (event) => set({ severity: event.target.value, text: text.value.trim() }) },
        options.map(([value, name]) => h("option", { value, selected: value === wish.severity }, name)),
      ),
    ),
    h("p", {}, h("label", { for: "scan-text" }, "Text"), text),
    h("button", { type: "submit" }, "Filter"),
  );
}

// --- hosts ---

function finding(f) {
  const id = h("span", { class: "soft" }, f.id);
  return h("li", {}, tag(kinds[f.severity], f.severity), " ", h("b", {}, f.title), " ", id, f.evidence && h("p", {}, f.evidence));
}

function details(host) {
  const faults = severities.reduce((n, s) => n + host.counts[s], 0);
  if (host.reason) return host.reason;
  if (faults === 0) return "nothing";
  return h(
    "details",
    {},
    h("summary", { "aria-label": `Findings of ${place(host)}: ${count(faults)}` }, faults === 1 ? "1 finding" : `${count(faults)} findings`),
    h("ul", { class: "findings" }, host.findings.map(finding)),
    more(host.findings_more, "findings"),
  );
}

function hosts(list) {
  const columns = [
    { title: "Host", kind: "name", cell: (host) => host.name ?? host.target },
    { title: "Address", kind: "whole", cell: place },
    ...severities.slice(0, -1).map((s) => ({ title: s[0].toUpperCase() + s.slice(1), kind: "number", cell: (host) => count(host.counts[s]) })),
    { title: "TLS", kind: "whole", cell: (host) => host.tls ?? (host.starttls === "absent" ? "none" : "–") },
    { title: "Software", cell: (host) => software(host) || "–" },
    { title: "Findings", cell: details },
  ];
  return table("Hosts, the worst first", columns, list);
}

/** The first and the last host of this page, and links to those before and behind. */
function pager(found) {
  const { hosts_before: before, hosts_more: behind } = found;
  const told = found.hosts.length;
  if (before + behind === 0) return null;
  const to = (start, words) => h("a", { href: changed({ start: start > 0 ? String(start) : "" }) }, words);
  return h(
    "p",
    { class: "pager" },
    before > 0 && to(Math.max(0, before - HOSTS_OF_A_PAGE), "← Those before"),
    h("span", {}, told > 0 ? `${count(before + 1)} to ${count(before + told)} of ${count(before + told + behind)}` : "There are no more."),
    behind > 0 && to(before + told, "Those behind →"),
  );
}

/** When its hosts were looked at: a scan may take days, and is resumed. */
function scanned(found) {
  const { scanned_from: from, scanned_to: to } = found;
  if (to === null) return figure("File written", day(found.time), clock(found.time));
  return figure("Scanned", day(to), day(from) === day(to) ? `${clock(from)} to ${clock(to)}` : `since ${time(from)}`);
}

function overview(found, go) {
  const wish = asked();
  const list = found.hosts;
  return [
    h(
      "div",
      { class: "cards" },
      figure("Hosts", count(found.hosts_all)),
      figure("Critical", count(found.counts.critical)),
      figure("High", count(found.counts.high)),
      figure("Medium", count(found.counts.medium)),
      scanned(found),
    ),
    filter(wish, go),
    section(
      "Hosts",
      list.length > 0 ? hosts(list) : found.hosts_before === 0 && soft("No host is so. Choose another severity, or another text."),
      pager(found),
      found.hosts_cut && soft("There are more than 10,000: the first of the file are counted here."),
      found.unread > 0 && h("p", { class: "notice warn" }, `Lines of the file that could not be read: ${count(found.unread)}.`),
    ),
  ];
}

// --- the page ---

const scanning = "gatepost scan --json -o /var/lib/gatepost-audit/scan.json TARGET…";

function notConfigured() {
  return empty(
    "The dashboard knows of no scan",
    h("p", {}, "One is made and kept by"),
    command(scanning),
    h("p", {}, "It is shown here when gatepost.yaml says where it is:"),
    command("web:\n  scan_results: /var/lib/gatepost-audit/scan.json"),
  );
}

function noneYet() {
  return empty(
    "No scan has been kept yet",
    h("p", {}, "One is made and kept by"),
    command("gatepost scan --json -o FILE TARGET…"),
    soft("FILE is what web.scan_results names."),
  );
}

export async function show(page, { go }) {
  const wish = asked();
  const found = await get("scans", new URLSearchParams(Object.entries(wish).filter(([, value]) => value)));
  page.append(h("h1", {}, "Scans"));
  if (!found.configured) page.append(notConfigured());
  else if (!found.hosts || found.hosts_all + found.unread === 0) page.append(noneYet());
  else page.append(...overview(found, go));
}
