#!/usr/bin/env python3
"""Draws where a worker's processor time goes in one scenario, as a flame graph (SVG).

    scripts/bench/flame.py [--scenario small] [--binary target/release/headwater] --out docs/charts/flame.svg

perf samples the worker's stacks while wrk loads it. A box is a function; what it called lies on it; the wider,
the more time. Blue is ours, grey the kernel's. Needs perf and the line tables that the release build has.
"""

import argparse
import html
import os
import pathlib
import re
import subprocess

import bench
import scenarios
import servers

WIDTH, ROW = 1200, 17
# boxes narrower than this share are left out
LEAST = 0.002


def sample(worker, seconds, data):
    """Stacks of a process, from perf: the outermost function first, each with how often it was seen."""
    record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "1999", "--call-graph", "dwarf,16384", "-o", data,
              "-p", str(worker), "--", "sleep", str(seconds)]
    subprocess.run(record, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    script = ["perf", "script", "-i", data, "-F", "ip,sym,dso"]
    text = subprocess.run(script, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    stacks = {}
    for block in text.split("\n\n"):
        frames = [found.groups() for line in block.splitlines()
                  if (found := re.match(r"\s*[0-9a-f]+ (.+?) \((.+)\)$", line))]
        if frames:
            names = [("kernel " if "kernel" in where else "") + short(name) for name, where in reversed(frames)]
            # all begins with the turn of the loop; what leads to it is the same in every stack
            names = tuple(names[names.index("turn"):] if "turn" in names else names)
            stacks[names] = stacks.get(names, 0) + 1
    return stacks


def short(name):
    """A function's name without what makes it long: offsets, hashes, parameters, the crate's name."""
    name = re.sub(r"\+0x[0-9a-f]+$|::h[0-9a-f]{16}$", "", name.replace(" (inlined)", ""))
    while "<" in (cut := re.sub(r"<[^<>]*>", "", name)) and cut != name:
        name = cut
    return cut.replace("headwater::", "").replace("{closure#0}", "{closure}").replace("::::", "::").strip(":") or name


def tree(stacks):
    """Stacks merged from the outside: name → [count, children]."""
    root = [0, {}]
    for names, count in stacks.items():
        node = root
        node[0] += count
        for name in names:
            node = node[1].setdefault(name, [0, {}])
            node[0] += count
    return root


def boxes(node, total, left=0.0, depth=0):
    """(name, left, width, depth), widths as shares of all."""
    for name, child in sorted(node[1].items()):
        width = child[0] / total
        if width >= LEAST:
            yield name, left, width, depth
            yield from boxes(child, total, left, depth + 1)
        left += width


def colour(name):
    if name.startswith("kernel "):
        return "#d4d4d8"
    return "#93c5fd" if "::" in name else "#bfdbfe"


def draw(stacks, title):
    root = tree(stacks)
    found = list(boxes(root, root[0]))
    deepest = max(depth for _, _, _, depth in found)
    height = (deepest + 3) * ROW
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="monospace" '
             f'font-size="11"><rect width="{WIDTH}" height="{height}" fill="#fff"/>'
             f'<text x="4" y="13" font-size="13">{html.escape(title)}</text>']
    for name, left, width, depth in found:
        x, y, w = left * WIDTH, height - (depth + 1) * ROW, width * WIDTH
        label = name.removeprefix("kernel ")
        fits = int(w / 6.7)
        shown = "" if fits < 4 else label if len(label) <= fits else label[:fits - 1] + "…"
        parts.append(f'<g><title>{html.escape(name)}: {width:.1%}</title><rect x="{x:.1f}" y="{y}" width="{w:.1f}" '
                     f'height="{ROW - 1}" fill="{colour(name)}"/><text x="{x + 3:.1f}" y="{y + 12}">'
                     f'{html.escape(shown)}</text></g>')
    return "\n".join(parts) + "\n</svg>\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=servers.TARGET / "release" / "headwater")
    parser.add_argument("--scenario", default="small", choices=list(scenarios.LOADS))
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--title", default="")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    subprocess.run([servers.ROOT / "scripts" / "setup.sh", "flame"], check=True)
    cores = sorted(os.sched_getaffinity(0))
    load = scenarios.LOADS[options.scenario]
    with bench.place(cores) as context:
        server = servers.start("headwater", options.binary, context.scratch, {cores[0]}, context.backends)
        try:
            worker = server.pids()[1]
            wrk = subprocess.Popen(["wrk", "-t1", f"-c{load.connections}", f"-d{options.seconds + 2}s",
                                    f"http://127.0.0.1:{server.ports[load.door]}{load.path}"],
                                   stdout=subprocess.DEVNULL)
            stacks = sample(worker, options.seconds, str(context.scratch / "perf.data"))
            wrk.wait()
        finally:
            server.stop()
    title = options.title or f"{load.title}: where the worker's processor time goes"
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(draw(stacks, title))
    print(f"written: {options.out}, {sum(stacks.values())} samples")


if __name__ == "__main__":
    main()
