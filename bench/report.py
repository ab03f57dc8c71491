# SPDX-License-Identifier: Apache-2.0
"""The figures as a table and a chart.

Passes alternate between the servers, so a ratio is made within each pass, where both had the same neighbours, and the
median of the ratios is what is quoted.
"""

import statistics


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def figure(value, digits=1):
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}f}"


def column(rows, key):
    return median([row.get(key) for row in rows])


def ratios(passes, key, ours, theirs, inverse=False):
    """Within each pass, ours over theirs, or the inverse; the passes where one of them failed are left out."""
    found = []
    for one in passes:
        a, b = one.get(ours, {}).get(key), one.get(theirs, {}).get(key)
        if a and b and one[ours]["good"] and one[theirs]["good"]:
            found.append(b / a if inverse else a / b)
    return found


def spread(values, digits=1):
    if not values:
        return "-"
    text = figure(median(values), digits)
    return f"{text} ({figure(min(values), digits)}-{figure(max(values), digits)})" if len(values) > 1 else text


HEAD = (
    "| workload | server | delivered/s | accepted/s | CPU s/1000 | peak PSS MiB | processes | accept p50/p99 ms"
    " | arrival p50/p99 ms | syncs/message | runs |"
)


def rows_of(passes, name):
    return [one[name] for one in passes if name in one and one[name]["good"]]


def server_line(workload, name, passes, calls):
    rows = rows_of(passes, name)
    bad = sum(name in one for one in passes) - len(rows)
    sync = calls.get(workload, {}).get(name, {}).get("sync")
    cells = [
        workload,
        name,
        figure(column(rows, "per_s"), 0),
        figure(column(rows, "accepted_per_s"), 0),
        figure(column(rows, "cpu_s_per_1000"), 3),
        figure(column(rows, "peak_pss_mib")),
        figure(column(rows, "processes"), 0),
        f"{figure(column(rows, 'accept_p50_ms'))} / {figure(column(rows, 'accept_p99_ms'))}",
        f"{figure(column(rows, 'arrival_p50_ms'))} / {figure(column(rows, 'arrival_p99_ms'))}",
        figure(sync, 2),
        f"{len(rows)}" + (f", {bad} failed" if bad else ""),
    ]
    return "| " + " | ".join(cells) + " |"


def tls_lines(results):
    """What the tables of messages do not tell of TLS."""
    lines = []
    for workload, passes in results["cells"].items():
        for name in results["servers"]:
            rows = rows_of(passes, name)
            shaken = column(rows, "handshakes")
            if shaken:
                resumed = column(rows, "resumed") / shaken * 100
                lines.append(f"TLS, {workload}, {name}: {shaken:.2f} handshakes a message, {resumed:.0f} % resumed.")
    for name, h in results.get("handshakes", {}).items():
        for kind in ("full", "resumed"):
            one = h[kind]
            lines.append(
                f"Handshakes, {kind}, {name}: {one['per_s']:,.0f}/s from 200 sessions"
                f" ({one['resumed'] * 100:.0f} % resumed), {one['cpu_ms']:.3f} ms CPU each,"
                f" and {one['load_cpu_ms']:.3f} of the generator."
            )
        lines.append(
            f"openssl s_time, one after the other, {name}: {figure(h['s_time_new'], 0)}/s new,"
            f" {figure(h['s_time_reuse'], 0)}/s reused."
        )
    for where, limit in results.get("crypto", {}).items():
        lines.append(
            f"openssl speed, {where}: {limit['sign']:,.0f} signatures by ECDSA P-256 a second,"
            f" {limit['verify']:,.0f} checks of one, {limit['exchange']:,.0f} exchanges by X25519;"
            f" {limit['rsa_sign']:,.0f} signatures by RSA-2048, {limit['rsa_verify']:,.0f} checks of one."
        )
    return lines


def markdown(results):
    servers, cells = results["servers"], results["cells"]
    lines = [f"Measured {results['when']}: {'; '.join(results['settings'])}.", f"Machine: {results['machine']}.", ""]
    ours = servers[0]
    for theirs in servers[1:]:
        lines += [
            f"{ours} against {theirs}: median of the ratios of {results['passes']} alternating passes (least-greatest)."
            " Over 1 is better.",
            "",
            "| workload | delivered/s | accepted/s | CPU a message |",
            "|---|---|---|---|",
        ]
        for workload, passes in cells.items():
            lines.append(
                f"| {workload} | {spread(ratios(passes, 'per_s', ours, theirs))}"
                f" | {spread(ratios(passes, 'accepted_per_s', ours, theirs))}"
                f" | {spread(ratios(passes, 'cpu_s_per_1000', ours, theirs, inverse=True))} |"
            )
        lines.append("")
    lines += ["Medians of the passes:", "", HEAD, "|---" * HEAD.count(" | ") + "|---|"]
    for workload, passes in cells.items():
        lines += [server_line(workload, name, passes, results["calls"]) for name in servers]
    lines.append("")
    lines += tls_lines(results)
    for name, idle in results["idle"].items():
        lines.append(f"Idle connection, {name}: {idle['kib_per_connection']:.1f} KiB of PSS ({idle['held']} held).")
    for name, top in results["ceiling"].items():
        lines.append(
            f"Generator to sink with nothing between, {name}: {top['per_s']:,.0f}/s,"
            f" load {top['load_cpu_s_per_1000']:.3f} and sink {top['sink_cpu_s_per_1000']:.3f} CPU s/1000."
        )
    return "\n".join(lines) + "\n"


BAR, GAP, LEFT, WIDTH, RIGHT = 14, 12, 190, 520, 130
COLOURS = ("#1b6ca8", "#c9803b", "#5a8f4e", "#8a5aa0")
TEXT = 'font-family="sans-serif" font-size="12"'


def svg(results, key="per_s", title="messages delivered a second", digits=0):
    """A bar for each workload and server, on one linear scale, with its figure beside it."""
    servers, cells = results["servers"], results["cells"]
    values = {w: {name: column(rows_of(passes, name), key) for name in servers} for w, passes in cells.items()}
    top = max([v for bars in values.values() for v in bars.values() if v] or [1])
    block = BAR * len(servers) + GAP
    height = 60 + block * len(values)
    total = LEFT + WIDTH + RIGHT
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}" role="img">',
        f"<title>{title}</title>",
        f'<rect width="{total}" height="{height}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="20" {TEXT} font-weight="bold">{title}</text>',
    ]
    for i, name in enumerate(servers):
        x = LEFT + i * 110
        out.append(f'<rect x="{x}" y="30" width="12" height="12" fill="{COLOURS[i % len(COLOURS)]}"/>')
        out.append(f'<text x="{x + 17}" y="41" {TEXT}>{name}</text>')
    y = 56
    for workload, bars in values.items():
        middle = y + BAR * len(servers) / 2 + 4
        out.append(f'<text x="{LEFT - 8}" y="{middle:.0f}" text-anchor="end" {TEXT}>{workload}</text>')
        for i, name in enumerate(servers):
            value = bars[name] or 0
            width = max(1, value / top * WIDTH)
            colour = COLOURS[i % len(COLOURS)]
            out.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{colour}"/>')
            label = figure(bars[name], digits)
            out.append(f'<text x="{LEFT + width + 5:.1f}" y="{y + BAR - 3}" {TEXT}>{label}</text>')
            y += BAR
        y += GAP
    out.append("</svg>")
    return "\n".join(out) + "\n"
