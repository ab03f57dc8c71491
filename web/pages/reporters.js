// SPDX-License-Identifier: Apache-2.0
import { get } from "../api.js";
import { h, table, tag } from "../dom.js";
import { filters, query } from "../filters.js";
import { count } from "../format.js";
import { more, noReports, section, soft } from "./parts.js";

export const title = "Reporters";

const DAY_MS = 86_400_000;
const SILENT_DAYS = 3; // who reports daily, and has not for so long, may have stopped

/** Days without a report up to the end of the range. */
function silence(reporter, to) {
  return Math.round((Date.parse(to) - Date.parse(reporter.last_day)) / DAY_MS);
}

function reporters(found) {
  const columns = [
    { title: "Organisation", cell: (r) => r.organisation || "(unnamed)" },
    { title: "Reports", kind: "number", cell: (r) => count(r.reports) },
    { title: "Records", kind: "number", cell: (r) => count(r.records) },
    { title: "Messages", kind: "number", cell: (r) => count(r.messages) },
    { title: "Odd reports", kind: "number", cell: (r) => count(r.flawed) },
    { title: "Records lost", kind: "number", cell: (r) => (r.lost > 0 ? tag("bad", count(r.lost)) : "0") },
    { title: "First day", kind: "whole", cell: (r) => r.first_day },
    { title: "Last day", kind: "whole", cell: (r) => r.last_day },
    {
      title: "",
      cell: (r) => silence(r, found.to) > SILENT_DAYS && tag("warn", `silent for ${silence(r, found.to)} days`),
    },
  ];
  return table("Reporters", columns, found.reporters);
}

export async function show(place, { go }) {
  const [bar, found] = await Promise.all([filters(go), get("reporters", query())]);
  place.append(h("h1", {}, "Reporters"), bar);
  if (found.reporters.length === 0) {
    place.append(noReports((await get("store", query())).store));
    return;
  }
  place.append(
    section("Who reports to us", reporters(found), more(found.reporters_more, "reporters")),
    soft(
      "Odd reports have something that their RFC does not let them have; what could be read of them counts.",
      " Health lists what of them was lost; all that is odd about one is told by ",
      h("code", {}, "gatepost reports show"),
      ".",
    ),
  );
}
