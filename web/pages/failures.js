// SPDX-License-Identifier: Apache-2.0
// Failure reports: single messages, which only admins may see.

import { get } from "../api.js";
import { empty, h, tag } from "../dom.js";
import { filters, query } from "../filters.js";
import { count, time } from "../format.js";
import { soft } from "./parts.js";

export const title = "Failures";
export const role = "admin";

function sample(m) {
  const facts = [
    ["Reported by", m.organisation],
    ["Source", m.source ?? "not told"],
    ["From", m.header_from],
    ["Envelope", m.envelope_from],
    ["To", m.envelope_to],
    ["Message-ID", m.message_id],
    ["DKIM", [m.dkim_domain, m.dkim_selector].filter(Boolean).join(" ")],
    ["Results", m.results],
    ["Times", m.incidents > 1 ? count(m.incidents) : ""],
  ];
  return h(
    "section",
    { class: "card" },
    h("h2", {}, m.subject || "(no subject)"),
    h(
      "p",
      {},
      tag("bad", m.type || "failure"),
      " ",
      m.delivery && tag("soft", m.delivery),
      m.arrived !== null && h("span", { class: "soft" }, ` ${time(m.arrived)}`),
    ),
    h("dl", { class: "facts" }, facts.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    m.header && h("details", {}, h("summary", {}, "Its header, as far as it was sent"), h("pre", { class: "command" }, m.header)),
  );
}

export async function show(place, { go }) {
  const [bar, found] = await Promise.all([filters(go), get("failures", query())]);
  place.append(h("h1", {}, "Failure samples"), bar);
  if (found.failures.length === 0) {
    place.append(
      empty(
        "No failure reports of these days",
        h("p", {}, "They are sent to the address of ", h("code", {}, "ruf"), " in a DMARC record. Few reporters send them, as they tell of single messages."),
      ),
    );
    return;
  }
  place.append(...found.failures.map(sample), soft("The newest first, 100 at most."));
}
