// SPDX-License-Identifier: Apache-2.0
// The page's frame: who is signed in, which page the address asks for, and what is on every page.

import { Refused, post, session } from "./api.js";
import { forget } from "./charts.js";
import { h, replace } from "./dom.js";
import { changed } from "./filters.js";
import { zone } from "./format.js";
import * as audits from "./pages/audits.js";
import * as domains from "./pages/domains.js";
import * as failures from "./pages/failures.js";
import * as headers from "./pages/headers.js";
import * as health from "./pages/health.js";
import * as overview from "./pages/overview.js";
import * as policy from "./pages/policy.js";
import * as queue from "./pages/queue.js";
import * as reporters from "./pages/reporters.js";
import * as scans from "./pages/scans.js";
import * as signIn from "./pages/sign-in.js";
import * as sources from "./pages/sources.js";
import * as tls from "./pages/tls.js";

// Each has a title, perhaps the role that may see it, and show(place, context) that fills the place; in the order of
// the menu.
const pages = {
  "/": overview,
  "/domains": domains,
  "/sources": sources,
  "/policy": policy,
  "/reporters": reporters,
  "/tls": tls,
  "/failures": failures,
  "/audits": audits,
  "/scans": scans,
  "/queue": queue,
  "/headers": headers,
  "/health": health,
};
const first = Object.keys(pages)[0];

const top = document.getElementById("top");
const main = document.getElementById("main");
const status = document.getElementById("status");
let who = null;

function applyTheme() {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

function nextTheme() {
  const order = ["", "dark", "light"];
  const now = order.indexOf(localStorage.getItem("theme") ?? "");
  localStorage.setItem("theme", order[(now + 1) % order.length]);
  applyTheme();
  draw();
}

function themeName() {
  return { dark: "Dark", light: "Light" }[localStorage.getItem("theme")] ?? "As the system";
}

async function signOut() {
  await post("sign-out").catch(() => null);
  who = null;
  go("/");
}

/** Parts of the address that are one page's. */
const filtersOfOne = ["address", "order", "p", "to", "rcpt", "sender", "id", "older", "audit", "severity", "text", "start"];

/** Links keep the filters that all pages share. */
function link(path, title) {
  const here = path === currentPath();
  const own = Object.fromEntries(filtersOfOne.map((name) => [name, ""]));
  return h("a", { href: changed(own, path), "aria-current": here ? "page" : null }, title);
}

function currentPath() {
  return location.pathname in pages ? location.pathname : first;
}

function drawTop() {
  const tools = h(
    "div",
    { class: "tools" },
    h("button", { type: "button", onclick: nextTheme }, `Colours: ${themeName()}`),
    h(
      "button",
      {
        type: "button",
        onclick: () => {
          zone.isLocal = !zone.isLocal;
          draw();
        },
      },
      `Times: ${zone.name}`,
    ),
    who?.user && h("span", { class: "who" }, `${who.user} (${who.role})`),
    who?.can_sign_out && h("button", { type: "button", onclick: signOut }, "Sign out"),
  );
  const mine = Object.entries(pages).filter(([, page]) => !page.role || page.role === who?.role);
  const menu = who?.user && h("nav", { "aria-label": "Pages" }, mine.map(([path, page]) => link(path, page.title)));
  replace(top, h("div", { class: "brand" }, h("b", {}, "Gatepost"), who?.hostname && h("span", {}, who.hostname)), menu, tools);
}

function showTrouble(error) {
  const words = error instanceof Refused ? error.message : "This page has failed.";
  if (!(error instanceof Refused)) console.error(error);
  forget();
  replace(
    main,
    h("h1", {}, "It could not be shown"),
    h("p", { class: "notice bad", role: "alert" }, words),
    h("button", { type: "button", onclick: draw }, "Try again"),
    error.status === 400 && location.search && h("p", {}, h("a", { href: currentPath() }, "Without filters")),
  );
}

/** Counts drawings: one that was overtaken by the next shows nothing. */
let drawing = 0;

async function draw() {
  const mine = ++drawing;
  const isCurrent = () => mine === drawing;
  try {
    if (!who?.user) who = await session();
    if (!isCurrent()) return;
    drawTop();
    const page = who.user ? pages[currentPath()] : signIn;
    document.title = `${page.title} · Gatepost`;
    const place = h("div", { class: "page" });
    await page.show(place, { who, go, draw, isCurrent });
    if (!isCurrent()) return;
    forget();
    replace(main, place);
    status.textContent = page.title;
  } catch (error) {
    if (!isCurrent()) return;
    if (error instanceof Refused && error.status === 401 && who?.user) {
      who = null;
      draw();
      return;
    }
    showTrouble(error);
  }
}

/** To another page, or the same with other filters. Who has just used a control that is there again stays on it. */
function go(target) {
  const used = main.contains(document.activeElement) && document.activeElement.id;
  history.pushState(null, "", target);
  draw().then(() => ((used && document.getElementById(used)) || main).focus({ preventScroll: true }));
  scrollTo(0, 0);
}

document.addEventListener("click", (event) => {
  const a = event.target.closest?.("a[href^='/']");
  if (!a || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(a.getAttribute("href"));
});
addEventListener("popstate", draw);

applyTheme();
draw();
