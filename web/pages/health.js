// SPDX-License-Identifier: Apache-2.0
import { Refused, get } from "../api.js";
import { h, table, tag } from "../dom.js";
import { count, size, span, time } from "../format.js";
import { figure, section, soft } from "./parts.js";

export const title = "Health";

const roleStates = { ready: "good", starting: "warn", silent: "bad" };

function roles(health) {
  const columns = [
    { title: "Process", cell: (r) => (r.worker > 0 ? `${r.role} ${r.worker + 1}` : r.role) },
    { title: "State", cell: (r) => tag(roleStates[r.state] ?? "warn", r.state === "silent" ? "does not answer" : r.state) },
    { title: "Since", kind: "time", cell: (r) => time(r.since) },
    { title: "Started", kind: "number", cell: (r) => (r.starts === 1 ? "once" : `${count(r.starts)} times`) },
  ];
  return table("Processes", columns, health.roles);
}

function store(found) {
  const s = found.store;
  const rows = [
    ["DMARC aggregate reports", s.dmarc],
    ["TLS reports", s.tls],
    ["Failure reports", s.failure],
    ["Of these, kept apart: nobody answers for their sender, or they are about domains of others", s.unauthenticated],
    ["Came again, and changed nothing", s.duplicates],
    ["Refused, and kept in quarantine", s.refused],
    ["Too old for what is kept", s.old],
    ["Records", s.records],
    ["Records that could not be kept", s.lost],
  ];
  const columns = [
    { title: "", cell: ([name]) => name },
    { title: "Number", kind: "number", cell: ([, n]) => count(n) },
  ];
  return [
    table("Reports", columns, rows),
    s.forgotten_before && soft(`What was before ${s.forgotten_before} has been forgotten, as retention has it.`),
  ];
}

function flaws(found) {
  if (found.flaws.length === 0) return soft("Nothing was refused, and no record lost.");
  const columns = [
    { title: "Received", kind: "time", cell: (f) => time(f.received) },
    { title: "File", cell: (f) => f.file },
    { title: "", cell: (f) => (f.report === 0 ? tag("bad", "refused") : tag("warn", `record ${count(f.record)}`)) },
    { title: "Why", cell: (f) => f.why },
  ];
  return [table("What was refused or lost", columns, found.flaws), soft("The newest first, 100 at most.")];
}

function overLimit(found) {
  if (found.over_limit.length === 0) return soft("Nobody has sent more reports than are taken from one in a day.");
  const columns = [
    { title: "Day", kind: "whole", cell: (o) => o.day },
    { title: "Reporter", cell: (o) => o.reporter ?? "others" },
    { title: "Reports", kind: "number", cell: (o) => count(o.reports) },
    { title: "Size", kind: "number", cell: (o) => size(o.octets) },
  ];
  return [
    table("Reports that were not taken", columns, found.over_limit),
    soft("They come again, as whoever sent them was told to; reports.received_per_day and received_size_per_day are what one may send in a day."),
  ];
}

export async function show(place) {
  const health = await get("health");
  place.append(
    h("h1", {}, "Health"),
    h(
      "div",
      { class: "cards" },
      figure("Host", health.hostname),
      figure("Dashboard up for", span(health.up_s)),
      figure("Signed in", count(health.sessions)),
    ),
    section("Processes", roles(health)),
  );
  try {
    const found = await get("store");
    const last = found.store.last_received;
    place.append(
      section("Reports", store(found), soft(last === null ? "None has come yet." : `The last one came on ${time(last)}.`)),
      section("Not taken: too many in a day", overLimit(found)),
      section("What was refused or lost", flaws(found)),
    );
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 503) throw error;
    place.append(h("p", { class: "notice bad", role: "alert" }, error.message));
  }
}
