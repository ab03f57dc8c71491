// SPDX-License-Identifier: Apache-2.0
// The header analyser: a pasted or uploaded message, its way, its identities and a verdict.

import { Refused, post } from "../api.js";
import { h, replace, svg, table, tag } from "../dom.js";
import { span, time } from "../format.js";

export const title = "Headers";

const READ_MAX = 1024 * 1024; // as much as the API takes

const verdicts = {
  authentic: ["good", "Authentic"],
  authentic_forwarded: ["good", "Authentic, forwarded"],
  unauthenticated: ["warn", "Not proven"],
  unknown: ["warn", "Unknown"],
  spoofed: ["bad", "Spoofed"],
  lookalike: ["bad", "Look-alike"],
  compromised: ["bad", "Compromised"],
};
const severities = { critical: "bad", high: "bad", medium: "warn", low: "soft", info: "soft" };

function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs.filter(([, value]) => value !== null).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
}

function identity(id) {
  if (!id) return null;
  const shown = id.domain_shown && id.domain_shown !== id.domain ? ` (${id.domain_shown} is ${id.domain})` : "";
  return `${id.text ?? ""}${shown}`;
}

function identities(found) {
  const ids = found.identities;
  return facts([
    ["From", identity(ids.from)],
    ["Looks like", ids.looks_like],
    ["Sender", identity(ids.sender)],
    ["Reply-To", identity(ids.reply_to)],
    ["Return-Path", identity(ids.return_path)],
    ["Subject", ids.subject],
    ["Message-ID", ids.message_id],
    ["Date", ids.date === null ? null : time(ids.date)],
  ]);
}

function resultTag(result) {
  return tag({ pass: "good", fail: "bad" }[result] ?? "warn", result);
}

/** Each method by itself, with its reason. */
function results(found) {
  if (found.results.length === 0) return null;
  const columns = [
    { title: "Method", cell: (r) => r.method },
    { title: "Result", cell: (r) => resultTag(r.result) },
    { title: "Domain", cell: (r) => r.domain ?? "" },
    { title: "Why", cell: (r) => r.reason ?? "" },
  ];
  return h("details", {}, h("summary", {}, "Each of them"), table("Results, each by itself", columns, found.results));
}

function verified(found) {
  const v = found.verified;
  const { done, why_not: whyNot, spf_left_out: noSpf } = found.verification;
  const line = (result, aligned) => result && [resultTag(result), aligned ? " in the name of From" : ""];
  const why = whyNot && h("p", { class: "notice" }, whyNot);
  if (!done && !found.verified_before)
    return [why, h("p", { class: "soft" }, "Our gateway has not verified this message, or its result is not in it.")];
  return [
    why,
    facts([
      ["SPF", line(v.spf, v.spf_aligned) ?? (done && noSpf ? `left out: ${noSpf}` : null)],
      ["DKIM", line(v.dkim, v.dkim_aligned)],
      ["DMARC", line(v.dmarc)],
      ["ARC", line(v.arc)],
    ]),
    done && h("p", { class: "soft" }, "By the DNS as it is now: a key that is gone since fails what passed when it came."),
    results(found),
  ];
}

/** The bar grows by one as the delay doubles. */
function bar(seconds) {
  const steps = Math.min(20, seconds === 0 ? 0 : Math.floor(Math.log2(Math.abs(seconds))) + 1);
  const kind = seconds < 0 ? "back" : seconds >= 3600 ? "late" : "";
  return svg(
    "svg",
    { class: "bar", width: 100, height: 8, "aria-hidden": "true" },
    svg("rect", { class: kind, width: 5 * steps, height: 8, rx: 2 }),
  );
}

function client(hop) {
  const name = hop.helo ?? hop.rdns ?? "";
  const other = hop.rdns && hop.helo && hop.rdns.toLowerCase() !== hop.helo.toLowerCase() ? ` (${hop.rdns})` : "";
  const address = hop.address ? ` [${hop.address}]` : "";
  return `${name}${other}${address}`.trim() || "not said";
}

function path(found) {
  const hops = found.hops.map((hop, i) => ({ ...hop, number: i + 1 }));
  const columns = [
    { title: "Hop", kind: "number", cell: (hop) => hop.number },
    { title: "From", cell: (hop) => (hop.understood ? client(hop) : hop.field) },
    { title: "By", cell: (hop) => hop.by ?? "not said" },
    {
      title: "With",
      cell: (hop) => [hop.with ?? "", hop.tls && h("small", {}, " ", hop.tls_version ?? "TLS", " ", hop.tls_cipher)],
    },
    { title: "Time", kind: "time", cell: (hop) => (hop.time === null ? "unknown" : time(hop.time)) },
    { title: "Delay", cell: (hop) => hop.delay_s !== null && [span(hop.delay_s), bar(hop.delay_s)] },
    { title: "", cell: (hop) => (hop.trusted ? tag("good", "ours") : tag("soft", "claimed")) },
  ];
  const edge =
    found.boundary === null
      ? "No hop is ours: anybody may have written all of it."
      : `It came in to us at hop ${found.boundary + 1}; what stands before it anybody may have written` +
        (found.assumed ? ", and which hosts are ours is assumed." : ".");
  return [
    hops.length > 0 ? table("The message's way", columns, hops) : h("p", {}, "It has no Received field."),
    found.hops_more > 0 && h("p", { class: "soft" }, `${found.hops_more} older hops are not shown.`),
    hops.length > 0 && h("p", { class: "soft" }, edge),
    found.total_s !== null && hops.length > 1 && h("p", { class: "soft" }, `${span(found.total_s)} in all.`),
  ];
}

function findings(found) {
  if (found.findings.length === 0) return h("p", { class: "soft" }, "Nothing strange.");
  return h(
    "ul",
    { class: "findings" },
    found.findings.map((f) =>
      h(
        "li",
        {},
        tag(severities[f.severity], f.severity),
        " ",
        h("b", {}, f.title),
        f.evidence && `: ${f.evidence}`,
        h("p", { class: "soft" }, f.why),
      ),
    ),
  );
}

function claims(found) {
  const kinds = { good: "good", bad: "bad", neutral: "soft" };
  const columns = [
    { title: "Who", cell: (c) => c.product },
    { title: "What", cell: (c) => c.text ?? "" },
    { title: "", cell: (c) => tag(kinds[c.leaning], c.trusted ? "ours" : "claimed") },
  ];
  return table("What others say", columns, found.claims);
}

function section(name, ...children) {
  return h("section", { class: "card" }, h("h2", {}, name), children);
}

function result(found) {
  const [kind, words] = verdicts[found.verdict] ?? ["warn", found.verdict];
  return [
    h(
      "section",
      { class: `card verdict ${kind}` },
      h("h2", { id: "verdict", tabindex: "-1" }, words),
      h("ol", {}, found.reasons.map((reason) => h("li", {}, reason))),
    ),
    section("Identities", identities(found)),
    section("Path", path(found)),
    section(found.verification.done ? "Verified now" : "Verified by our gateway when it came in", verified(found)),
    found.claims.length > 0 && section("What others say", claims(found)),
    section("Findings", findings(found)),
  ];
}

export async function show(place) {
  const text = h("textarea", { id: "message", rows: 10, spellcheck: "false", autocomplete: "off" });
  const file = h("input", { id: "file", type: "file", accept: ".eml,.txt,message/rfc822,text/plain" });
  const verify = h("input", { id: "verify", type: "checkbox", checked: true });
  const button = h("button", { type: "submit", class: "main" }, "Analyse");
  const out = h("div", { "aria-live": "polite" });
  const form = h(
    "form",
    { class: "card" },
    h("p", {}, h("label", { for: "message" }, "The message, or its header alone"), text),
    h("p", {}, h("label", { for: "file" }, "Or a file"), file),
    h("p", { class: "check" }, verify, " ", h("label", { for: "verify" }, "Verify SPF, DKIM, DMARC and ARC again")),
    h(
      "p",
      {},
      button,
      " ",
      h("small", { class: "soft" }, "It is read here and kept nowhere. To verify it, the DNS is asked for names that stand in it; else nobody is."),
    ),
  );
  /** A part of a message has no signature that could be verified. */
  const analyse = async (whole) => {
    const isCut = whole.size > READ_MAX;
    button.disabled = true;
    try {
      const found = await post(verify.checked && !isCut ? "headers?verify=1" : "headers", whole.slice(0, READ_MAX));
      if (verify.checked && isCut) found.verification.why_not = "It is larger than 1 MiB: its beginning was read, which no signature is about.";
      replace(out, result(found));
      out.querySelector("#verdict").focus();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      replace(out, h("p", { class: "notice bad", role: "alert" }, error.message));
    } finally {
      button.disabled = false;
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    // Who presses the button after choosing a file means that file.
    const chosen = text.value.trim() === "" && file.files[0];
    analyse(chosen || new Blob([text.value]));
  });
  // A file goes as its octets are; of a large one the beginning, where the header is.
  file.addEventListener("change", () => file.files[0] && analyse(file.files[0]));
  place.append(h("h1", {}, "Header analyser"), form, out);
}
