// SPDX-License-Identifier: Apache-2.0
// The queue, and what goes on now. What is counted is asked for again and again; the list of messages, in which one
// works, only when somebody wants it.

import { Refused, get, post } from "../api.js";
import { lines } from "../charts.js";
import { command, empty, h, replace, table, tag } from "../dom.js";
import { address, changed } from "../filters.js";
import { clock, count, size, span, time } from "../format.js";
import { figure, more, section, soft } from "./parts.js";

export const title = "Queue";

const REFRESH_S = 5;
const ages = { 300: "up to 5 minutes", 3600: "up to an hour", 14400: "up to 4 hours", 86400: "up to a day" };
const states = {
  new: ["soft", "not tried yet"],
  active: ["good", "being delivered"],
  deferred: ["warn", "waits for another try"],
  held: ["bad", "held"],
};

function sum(found, ...names) {
  return found.moments.reduce((n, m) => n + names.reduce((k, name) => k + m[name], 0), 0);
}

function age(found, then) {
  return then === null ? "–" : span(Math.max(0, found.time - then));
}

// --- what is counted ---

function cards(found) {
  return h(
    "div",
    { class: "cards" },
    figure("Messages waiting", count(found.messages), found.messages > 0 && `${size(found.octets)} on disk`),
    figure("The oldest", age(found, found.oldest)),
    figure("Deliveries under way", count(found.active)),
    figure("Connections of clients", count(found.connections)),
  );
}

/** The newest moment is not over: it would look like a fall. */
function series(found) {
  const whole = found.moments.slice(0, -1);
  const values = (...names) => whole.map((m) => names.reduce((n, name) => n + m[name], 0));
  return [
    { label: "Accepted", colour: "--bar", dash: [], values: values("accepted") },
    { label: "Delivered", colour: "--good-bar", dash: [6, 3], values: values("delivered") },
    { label: "Deferred or failed", colour: "--warn", dash: [2, 3], values: values("deferred", "failed") },
    { label: "Refused", colour: "--bad-bar", dash: [10, 4, 2, 4], values: values("refused") },
  ];
}

function labels(found) {
  const n = found.moments.length - 1;
  return found.moments.slice(0, -1).map((_, i) => clock(found.time - (n - i) * found.moment_s));
}

function rateWords(found) {
  const minutes = Math.round((found.moments.length * found.moment_s) / 60);
  const parts = ["accepted", "refused", "delivered", "deferred", "failed"].map((name) => `${count(sum(found, name))} ${name}`);
  return `The last ${minutes} minutes: ${parts.join(", ")}`;
}

function byAge(found) {
  const columns = [
    { title: "Age", cell: (a) => ages[a.up_to_s] ?? "older" },
    { title: "Not due yet", kind: "number", cell: (a) => count(a.waiting) },
    { title: "In line", kind: "number", cell: (a) => count(a.ready) },
    { title: "Under way", kind: "number", cell: (a) => count(a.active) },
    { title: "Held", kind: "number", cell: (a) => count(a.held) },
  ];
  return [
    table("Messages by age and state", columns, found.ages),
    found.looked_at < found.messages &&
      soft(`Of ${count(found.messages)} messages those ${count(found.looked_at)} that are first on disk are counted here.`),
  ];
}

function standing(found, d) {
  if (d.rests_until !== null && d.rests_until > found.time)
    return tag("warn", `rests for ${span(d.rests_until - found.time)}`);
  return { answers: tag("good", "answers"), silent: tag("bad", "does not answer") }[d.standing] ?? tag("soft", "not tried yet");
}

/** mx:DOMAIN leads to its messages, for whoever may see them. */
function destination(d, isAdmin) {
  const name = d.destination ?? "not routed yet";
  const domain = name.startsWith("mx:") && name.slice(3);
  return isAdmin && domain ? h("a", { href: changed({ to: domain }) }, name) : name;
}

function destinations(found, isAdmin) {
  if (found.destinations.length === 0) return soft("Nothing waits for any destination.");
  const columns = [
    { title: "Destination", cell: (d) => destination(d, isAdmin) },
    { title: "Waiting", kind: "number", cell: (d) => count(d.tasks) },
    { title: "Under way", kind: "number", cell: (d) => count(d.active) },
    { title: "The oldest", kind: "number", cell: (d) => age(found, d.oldest) },
    { title: "State", cell: (d) => standing(found, d) },
  ];
  return [table("Destinations", columns, found.destinations), more(found.destinations_more, "destinations")];
}

function deferrals(found, isAdmin) {
  if (found.deferrals.length === 0) return soft("No attempt was deferred since the queue was started.");
  const columns = [
    { title: "Time", kind: "time", cell: (d) => time(d.time) },
    { title: isAdmin ? "Recipient" : "Domain", cell: (d) => (isAdmin ? d.recipient : d.domain) ?? "–" },
    { title: "Server", cell: (d) => d.remote ?? "none answered" },
    {
      title: "Reason",
      cell: (d) => [h("b", {}, [d.code || "", d.status ?? ""].join(" ").trim()), d.reason ? ` ${d.reason}` : ""],
    },
    { title: "Attempts", kind: "number", cell: (d) => count(d.attempts) },
    isAdmin && { title: "Message", cell: (d) => h("a", { href: changed({ id: d.id }), class: "whole" }, d.id) },
  ].filter(Boolean);
  return [
    table("The newest deferrals", columns, found.deferrals),
    !isAdmin && soft("Admins see recipients and the servers' words, too."),
  ];
}

function roles(health) {
  const bad = health.roles.filter((r) => r.state !== "ready");
  const all = `${count(health.roles.length - bad.length)} of ${count(health.roles.length)} processes are ready`;
  return h(
    "p",
    { class: `notice ${bad.length > 0 ? "bad" : "good"}` },
    bad.length > 0 ? `${all}; not: ${bad.map((r) => r.role).join(", ")}. ` : `${all}. `,
    h("a", { href: "/health" }, "Health"),
  );
}

/** What is shown again and again; returns a function that shows newer figures. */
function live(place, isAdmin) {
  const head = h("div", {});
  const chart = lines();
  const words = soft("");
  const rest = h("div", {});
  place.append(head, section("The last quarter of an hour", chart.place, words), rest);
  return (found, health) => {
    replace(
      head,
      found.full && h("p", { class: "notice bad", role: "alert" }, "The disk is full: new mail is put off until there is space."),
      roles(health),
      cards(found),
    );
    chart.show(rateWords(found), labels(found), series(found));
    words.textContent = `${rateWords(found)}. Counted by recipient when it goes out.`;
    replace(
      rest,
      h(
        "div",
        { class: "wide" },
        section("By age and state", byAge(found)),
        section("Destinations", destinations(found, isAdmin)),
      ),
      section("The newest deferrals", deferrals(found, isAdmin)),
    );
  };
}

// --- messages, for admins ---

function recipients(m) {
  const columns = [
    { title: "Recipient", cell: (r) => r.address },
    { title: "State", cell: (r) => r.state },
    { title: "Attempts", kind: "number", cell: (r) => count(r.attempts) },
    { title: "Next", kind: "time", cell: (r) => (r.next === null ? "–" : time(r.next)) },
    { title: "What was said last", cell: (r) => [r.remote && `${r.remote}: `, r.reason ?? ""] },
  ];
  const hidden = m.pending - m.recipients.length;
  return [table(`Recipients of ${m.id}`, columns, m.recipients), more(hidden, "recipients")];
}

/** Buttons for a message. What ends it is asked twice, in the place of the button, and no is what Enter means. */
function actions(m, act) {
  const place = h("div", { class: "tools" });
  const button = (name, onclick, kind) => h("button", { type: "button", class: kind, onclick }, name);
  const restore = () => {
    replace(place, ...buttons());
    place.querySelector("button").focus();
  };
  const sure = (name, action) => {
    const no = button("No", restore);
    replace(place, h("span", {}, `${name} ${m.id} for good?`), button(`Yes, ${name.toLowerCase()}`, () => act(action, m.id, m.id), "danger"), no);
    no.focus();
  };
  const buttons = () => [
    button("Try now", () => act("retry", m.id)),
    m.state === "held" ? button("Release", () => act("release", m.id)) : button("Hold", () => act("hold", m.id)),
    button("Return to sender …", () => sure("Return", "bounce")),
    button("Delete …", () => sure("Delete", "drop")),
  ];
  place.append(...buttons());
  return place;
}

function message(m, act) {
  return h(
    "li",
    {},
    h(
      "p",
      {},
      h("b", {}, m.id),
      " ",
      tag(...(states[m.state] ?? ["soft", m.state])),
      ` ${m.sender ?? "<>"} → ${m.recipients[0]?.address ?? "?"}`,
      m.pending > 1 && ` and ${count(m.pending - 1)} more`,
    ),
    soft(`Came ${time(m.arrival)} from ${m.client ?? "this gateway"}, ${size(m.size)}`, m.next !== null && `, next attempt ${time(m.next)}`),
    h("details", {}, h("summary", {}, "Recipients"), recipients(m)),
    actions(m, act),
  );
}

function filters(go) {
  const here = address();
  const field = (name, label, attributes = {}) =>
    h("p", {}, h("label", { for: `filter-${name}` }, label), h("input", { id: `filter-${name}`, name, value: here.get(name) ?? "", ...attributes }));
  const older = [["", "Any age"], ["300", "Older than 5 minutes"], ["3600", "Older than an hour"], ["86400", "Older than a day"]];
  return h(
    "form",
    {
      class: "filters",
      "aria-label": "Which messages",
      onsubmit: (event) => {
        event.preventDefault();
        go(changed(Object.fromEntries(new FormData(event.target))));
      },
    },
    field("to", "Domain of a recipient"),
    field("rcpt", "Recipient"),
    field("sender", "Sender"),
    field("id", "Message", { size: 11 }),
    h(
      "p",
      {},
      h("label", { for: "filter-older" }, "Age"),
      h("select", { id: "filter-older", name: "older" }, older.map(([v, name]) => h("option", { value: v, selected: v === (here.get("older") ?? "") }, name))),
    ),
    h("p", {}, h("button", { type: "submit", class: "main" }, "Show")),
  );
}

const names = { to: "domain", rcpt: "recipient", sender: "sender", id: "id", older: "older" };

function query() {
  const here = address();
  const wanted = new URLSearchParams();
  for (const [ours, theirs] of Object.entries(names)) if (here.get(ours)) wanted.set(theirs, here.get(ours));
  return wanted;
}

function nothing(wanted) {
  if (wanted.toString() !== "") return soft("No message in the queue is so. Choose others, or empty the fields.");
  return [
    soft("Nothing waits: all that came is delivered, or was returned. What became of a message is told by"),
    command("gatepost trace --recipient ADDRESS"),
  ];
}

/** Returns the place of the list, filled now and after each change. */
async function messages(go) {
  const list = h("div", {});
  const said = h("p", { role: "status" });
  const show = async () => {
    const wanted = query();
    const found = await get("queue", wanted);
    replace(
      list,
      found.messages.length === 0 ? nothing(wanted) : h("ul", { class: "findings" }, found.messages.map((m) => message(m, act))),
      found.more && soft("There are more; the oldest 100 are shown."),
      found.partly && soft("The queue is long: its older part alone was looked through."),
    );
  };
  const act = async (action, id, again = "") => {
    try {
      const done = await post("act", new URLSearchParams({ action, id, ...(again && { again }) }));
      const words = { retry: "will be tried now", hold: "is held", release: "goes on", bounce: "was returned to its sender", drop: "was deleted" };
      said.textContent = `${id} ${words[action]}.${done.under_way > 0 ? " A delivery was under way, and may arrive all the same." : ""}`;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      said.textContent = error.message;
    }
    await show();
  };
  await show();
  return section("Messages", filters(go), said, list);
}

// --- the page ---

/** Asks until the page has gone; not while nobody can see it. */
function keepAsking(status, show, isCurrent, draw) {
  let isPaused = false;
  const say = (words) => {
    status.textContent = words;
  };
  const ask = async () => {
    if (document.hidden || isPaused) return;
    try {
      const [found, health] = await Promise.all([get("flow"), get("health")]);
      if (!isCurrent()) return;
      show(found, health);
      say(`As of ${time(found.time)}; asked for every ${REFRESH_S} s.`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (!isCurrent()) return;
      if (error.status === 401) draw();
      else say(`${error.message} What is shown is older.`);
    }
  };
  const timer = setInterval(() => (isCurrent() ? ask() : stop()), REFRESH_S * 1000);
  const stop = () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", ask);
  };
  document.addEventListener("visibilitychange", ask);
  return (paused) => {
    isPaused = paused;
    if (paused) say("Stopped. What is shown is older.");
    else ask();
  };
}

export async function show(place, { who, go, draw, isCurrent }) {
  const isAdmin = who.role === "admin";
  const [found, health, list] = await Promise.all([get("flow"), get("health"), isAdmin && messages(go)]);
  const status = h("span", { class: "soft" }, `As of ${time(found.time)}; asked for every ${REFRESH_S} s.`);
  const pause = h("button", { type: "button", "aria-pressed": "false" }, "Stop");
  place.append(h("h1", {}, "Queue"), h("p", { class: "tools-line" }, pause, " ", status));
  const isIdle = found.messages === 0 && sum(found, "accepted", "refused", "delivered", "deferred", "failed") === 0;
  if (isIdle)
    place.append(
      empty(
        "Nothing goes on",
        h("p", {}, "No mail has come for a quarter of an hour, and none waits. To see some, send a message to yourself:"),
        command("gatepost send --to ADDRESS --server 127.0.0.1:25"),
      ),
    );
  const showLive = live(place, isAdmin);
  showLive(found, health);
  if (list) place.append(list);
  else place.append(soft("Single messages are for admins."));
  const setPaused = keepAsking(status, showLive, isCurrent, draw);
  pause.addEventListener("click", () => {
    const paused = pause.getAttribute("aria-pressed") === "false";
    pause.setAttribute("aria-pressed", String(paused));
    setPaused(paused);
  });
}
