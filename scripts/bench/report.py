"""Figures as a table in Markdown and as one small chart (SVG) for each scenario."""

import html

COLOURS = {"headwater": ("#2563eb", "#93c5fd"), "profiled": ("#0f766e", "#5eead4"), "floor": ("#9ca3af", "#d1d5db")}
OTHERS = ("#6b7280", "#cbd5e1")


def number(value):
    return "–" if value is None else f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(figures, name, to, key="cost"):
    if name not in figures or to not in figures or not figures[to][key]:
        return "–"
    return f"{figures[name][key] / figures[to][key]:.2f}"


def loads(results):
    """The table of the loads: one row per scenario and proxy."""
    lines = ["| scenario | proxy | µs | user | system | × nginx | × floor | req/s | p50 ms | p99 ms | memory KiB |",
             "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |"]
    for name, entry in results.items():
        title = entry["title"] + (" (µs per MiB)" if "MiB" in entry["unit"] else "")
        for proxy, f in entry["proxies"].items():
            lines.append(f"| {title} | {proxy} | {number(f['cost'])} | {number(f['user'])} | {number(f['system'])} "
                         f"| {ratio(entry['proxies'], proxy, 'nginx')} | {ratio(entry['proxies'], proxy, 'floor')} "
                         f"| {number(f['rate'])} | {number(f['p50_ms'])} | {number(f['p99_ms'])} "
                         f"| {f['memory'] // 1024} |")
            title = ""
    return "\n".join(lines)


def rows(heading, columns, entries):
    """A table with one row per proxy: `columns` are (title, key, divisor)."""
    lines = [f"**{heading}**", "", "| proxy | " + " | ".join(title for title, _, _ in columns) + " |",
             "| --- |" + " --: |" * len(columns)]
    for name, f in entries:
        lines.append(f"| {name} | " + " | ".join(number(f[key] / divisor) for _, key, divisor in columns) + " |")
    return "\n".join(lines)


def calls(results):
    lines = ["| scenario | proxy | calls | of these |", "| --- | --- | --: | --- |"]
    for name, by_proxy in results.items():
        for proxy, counts in by_proxy.items():
            total = sum(count for call, count in counts.items() if "error" not in call)
            listed = ", ".join(f"{call} {count:.2f}" for call, count in
                               sorted(counts.items(), key=lambda pair: -pair[1]) if count >= 0.01)
            lines.append(f"| {name} | {proxy} | {total:.2f} | {listed} |")
    return "\n".join(lines)


def chart(entry):
    """Horizontal bars, user and system time stacked, with the ratio to nginx."""
    proxies = entry["proxies"]
    widest = max(f["cost"] for f in proxies.values())
    height = 46 + 30 * len(proxies)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="{height}" font-family="sans-serif" '
             f'font-size="13" role="img"><style>text{{fill:#111}}@media(prefers-color-scheme:dark)'
             f'{{text{{fill:#eee}}}}</style>',
             f'<text x="0" y="16" font-weight="bold">{html.escape(entry["title"])}: processor time, '
             f'{html.escape(entry["unit"])}</text>']
    for row, (name, f) in enumerate(sorted(proxies.items(), key=lambda pair: pair[1]["cost"])):
        y = 32 + 30 * row
        dark, light = COLOURS.get(name, OTHERS)
        user, system = (f[part] / widest * 380 for part in ("user", "system"))
        against = ratio(proxies, name, "nginx")
        parts.append(f'<text x="0" y="{y + 15}">{html.escape(name)}</text>'
                     f'<rect x="90" y="{y}" width="{user:.1f}" height="20" fill="{dark}"/>'
                     f'<rect x="{90 + user:.1f}" y="{y}" width="{system:.1f}" height="20" fill="{light}"/>'
                     f'<text x="{98 + user + system:.1f}" y="{y + 15}">{number(f["cost"])}  ({against} × nginx)</text>')
    parts.append(f'<text x="90" y="{height - 4}" font-size="11">dark: in user mode, light: in the kernel</text></svg>')
    return "\n".join(parts) + "\n"
