# SPDX-License-Identifier: Apache-2.0
"""Chromium, and what every page of ours is held to in it."""

import shutil

import pytest

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
except ImportError:
    webdriver = None

# Controls without a name, names that are there twice, headings that skip a level, and texts whose colour is too near
# to that behind them (4.5 : 1, for large ones 3 : 1); values that are no text, but in cells; days
# and addresses on two lines, times on three, and words of ours in a colour that are broken. A list of words, one for
# each fault.
AUDIT = r"""
const faults = [];
const shown = (e) => e.checkVisibility() && e.getClientRects().length > 0;
const name = (e) => (e.getAttribute("aria-label") || [...(e.labels ?? [])].map((l) => l.textContent).join(" ") ||
  e.textContent || e.title).trim();
for (const e of document.querySelectorAll("a, button, input, select, textarea, [role=region]"))
  if (shown(e) && !name(e)) faults.push(`no name: ${e.outerHTML.slice(0, 80)}`);
const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
for (const id of new Set(ids)) if (ids.filter((i) => i === id).length > 1) faults.push(`twice: ${id}`);
const levels = [...document.querySelectorAll("h1, h2, h3, h4")].filter(shown).map((e) => Number(e.tagName[1]));
if (levels.filter((l) => l === 1).length !== 1) faults.push(`h1: ${levels}`);
levels.forEach((l, i) => i && l > levels[i - 1] + 1 && faults.push(`headings: ${levels}`));
for (const img of document.querySelectorAll("canvas, svg:not([aria-hidden])"))
  if (!img.getAttribute("aria-label")) faults.push(`no words for ${img.outerHTML.slice(0, 80)}`);
if (!document.documentElement.lang || !document.title) faults.push("no language, or no title");

const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const { data, parentElement } = texts.currentNode;
  if (/^(false|null|undefined|NaN)$/.test(data.trim()) && parentElement.tagName !== "TD")
    faults.push(`no text: ${data}`);
}
for (const e of document.querySelectorAll("td")) {
  const range = document.createRange();
  range.selectNodeContents(e);
  const rows = new Set([...range.getClientRects()].map((r) => r.top));
  if (/^(\d{4}-\d\d-\d\d|\d+(\.\d+){3})$/.test(e.textContent) && rows.size > 1) faults.push(`broken: ${e.textContent}`);
  if (/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(e.textContent) && rows.size > 2) faults.push(`broken: ${e.textContent}`);
}
for (const e of document.querySelectorAll("td .tag")) {
  const words = e.textContent.split(" ");
  if (words.every((w) => w.length <= 16) && new Set([...e.getClientRects()].map((r) => r.top)).size > words.length)
    faults.push(`broken: ${e.textContent}`);
}
for (const e of document.querySelectorAll("td.words")) {
  const range = document.createRange();
  range.selectNodeContents(e);
  if (new Set([...range.getClientRects()].map((r) => r.top)).size > e.textContent.split(" ").length)
    faults.push(`broken: ${e.textContent}`);
}

const channel = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const light = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
const colour = (text) => text.match(/[\d.]+/g).map(Number);
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const c = colour(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c;
  }
  return [255, 255, 255];
};
for (const e of document.querySelectorAll("body *")) {
  const words = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!words || !shown(e) || e.closest(".unseen, .skip, :disabled")) continue;
  const style = getComputedStyle(e);
  const [a, b] = [light(colour(style.color)), light(behind(e))].sort((x, y) => y - x);
  const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
  if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5))
    faults.push(`contrast ${((a + 0.05) / (b + 0.05)).toFixed(2)}: ${e.textContent.trim().slice(0, 40)}`);
}
return faults;
"""


def start():
    """A driver; the test is skipped where there is none."""
    if not webdriver or not shutil.which("chromedriver"):
        pytest.skip("no Chromium with its driver and python3-selenium: tools/setup browser")
    options = webdriver.ChromeOptions()
    for switch in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


def resize(driver, width, height, phone=False):
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def colours(driver, scheme):
    """ "dark" or "light", as the system would have it."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def faults(driver):
    return driver.execute_script(AUDIT)
