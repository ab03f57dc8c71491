// SPDX-License-Identifier: Apache-2.0
// Charts by Chart.js, which index.html loads as the global Chart. Each has its figures in words, too.

import { h } from "./dom.js";
import { count } from "./format.js";

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const drawn = new Set();

/** Charts of a page that has gone keep listening otherwise. */
export function forget() {
  for (const chart of drawn) chart.destroy();
  drawn.clear();
}

function options(stacked) {
  const ink = colour("--soft");
  const scale = (more) => ({ stacked, ticks: { color: ink, ...more }, grid: { color: colour("--line") } });
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: false,
    interaction: { mode: "index", intersect: false },
    scales: {
      x: scale({ maxRotation: 0, autoSkipPadding: 16 }),
      y: { ...scale({ precision: 0, callback: (n) => count(n) }), beginAtZero: true },
    },
    plugins: {
      legend: { labels: { color: colour("--ink"), boxWidth: 12 } },
      tooltip: { callbacks: { label: (item) => `${item.dataset.label}: ${count(item.parsed.y)}` } },
    },
  };
}

/** Bars on top of each other, one a day. series: [{label, colour: "--good", values}]; words: what it shows. */
export function bars(words, labels, series) {
  const canvas = h("canvas", { role: "img", "aria-label": words });
  const place = h("div", { class: "chart" }, canvas);
  const datasets = series.map((s) => ({
    label: s.label,
    data: s.values,
    backgroundColor: colour(s.colour),
    maxBarThickness: 28,
  }));
  // A canvas has no size before it is in the page.
  requestAnimationFrame(() => {
    if (canvas.isConnected)
      drawn.add(new Chart(canvas, { type: "bar", data: { labels, datasets }, options: options(true) }));
  });
  return place;
}

/** Lines that are shown anew as time goes on; each is dashed in its own way. Returns {place, show(words, labels, series)},
 * series: [{label, colour, dash, values}]. */
export function lines() {
  const canvas = h("canvas", { role: "img" });
  let chart = null;
  const draw = (data) => {
    if (chart) {
      chart.data = data;
      chart.update();
    } else if (canvas.isConnected) {
      const shown = options(false);
      Object.assign(shown.plugins.legend.labels, { usePointStyle: true, pointStyle: "line", boxWidth: 40 });
      chart = new Chart(canvas, { type: "line", data, options: shown });
      drawn.add(chart);
    }
  };
  const show = (words, labels, series) => {
    canvas.setAttribute("aria-label", words);
    const datasets = series.map((s) => ({
      label: s.label,
      data: s.values,
      borderColor: colour(s.colour),
      backgroundColor: colour(s.colour),
      borderDash: s.dash,
      borderWidth: 2,
      pointRadius: 0,
    }));
    requestAnimationFrame(() => draw({ labels, datasets }));
  };
  return { place: h("div", { class: "chart" }, canvas), show };
}

/** All days from the first to the last, also those of which there is nothing. */
export function everyDay(from, to) {
  const days = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += 86_400_000)
    days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}
