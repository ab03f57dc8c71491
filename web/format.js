// SPDX-License-Identifier: Apache-2.0
// Numbers and times for people.

const numbers = new Intl.NumberFormat("en");

/** 1234567 as "1,234,567". */
export function count(n) {
  return numbers.format(n);
}

/** part of whole as "99.5 %"; "–" of nothing. Never 100 % where something is missing, nor 0 % where there is
 * something. */
export function share(part, whole) {
  if (whole === 0) return "–";
  let tenths = Math.round((1000 * part) / whole);
  if (tenths === 1000 && part < whole) tenths = 999;
  if (tenths === 0 && part > 0) tenths = 1;
  return `${(tenths / 10).toFixed(tenths % 10 ? 1 : 0)} %`;
}

/** Octets as "1.5 MiB". */
export function size(octets) {
  const units = ["octets", "KiB", "MiB", "GiB", "TiB"];
  let n = octets;
  let unit = 0;
  for (; n >= 1024 && unit < units.length - 1; unit++) n /= 1024;
  return `${unit > 0 && n < 10 ? n.toFixed(1) : Math.round(n)} ${units[unit]}`;
}

/** Which time zone is shown: "UTC", or the browser's, whose name is "". */
export const zone = {
  get name() {
    return localStorage.getItem("zone") === "local" ? Intl.DateTimeFormat().resolvedOptions().timeZone : "UTC";
  },
  get isLocal() {
    return localStorage.getItem("zone") === "local";
  },
  set isLocal(local) {
    localStorage.setItem("zone", local ? "local" : "utc");
  },
};

function parts(epoch, options) {
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone.name, hourCycle: "h23", ...options }).format(
    new Date(epoch * 1000),
  );
}

/** Seconds since 1970 as "2026-11-30". */
export function day(epoch) {
  return parts(epoch, { year: "numeric", month: "2-digit", day: "2-digit" });
}

/** "14:05:09" */
export function clock(epoch) {
  return parts(epoch, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

/** "2026-11-30 14:05:09" */
export function time(epoch) {
  return `${day(epoch)} ${clock(epoch)}`;
}

/** Seconds as "1 h 02 min"; below zero with its sign. */
export function span(seconds) {
  const sign = seconds < 0 ? "−" : "";
  const s = Math.abs(seconds);
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  if (s < 60) return `${sign}${s} s`;
  if (s < 3600) return `${sign}${Math.floor(s / 60)} min ${two(s % 60)} s`;
  if (s < 86400) return `${sign}${Math.floor(s / 3600)} h ${two((s / 60) % 60)} min`;
  return `${sign}${Math.floor(s / 86400)} d ${two((s / 3600) % 24)} h`;
}
