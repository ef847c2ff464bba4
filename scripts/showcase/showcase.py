#!/usr/bin/env python3
"""Starts real servers, fills them with a small set of data, and Headwater in front of them.

    scripts/showcase/showcase.py --binary FILE --dir FOLDER [--port N] [--check] [PART…]

The parts are those of servers.py; none named means all, behind one configuration. Everything lies in the
folder, listens on unix sockets and one loopback port, and ends with this program: on Ctrl-C, on TERM, and
when a server does not start. `--check` runs every printed command, compares, and ends.
"""
import argparse
import html
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import servers

HERE = Path(__file__).resolve().parent
START = 60  # seconds that a server may take to start
STOP = 15  # seconds that a server may take to end before it is killed


class Run:
    """The folder of one run and the processes in it."""

    def __init__(self, folder):
        self.dir = folder
        self.processes = []
        # The path of a unix socket has at most 107 bytes.
        short = len(str(folder)) < 80
        self.sockets = self.folder("sockets") if short else Path(tempfile.mkdtemp(prefix="headwater-"))

    def folder(self, name):
        path = self.dir / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def socket(self, name):
        return str(self.sockets / name)

    def spawn(self, name, words, log):
        """Starts a process. Ctrl-C is for this program: it ends the others in its own order."""
        try:
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        except OSError as error:
            raise SystemExit(f"{name}: {error} (scripts/setup.sh {name} installs it)") from error
        self.processes.append((name, process))
        return process

    def server(self, name, words, says=""):
        """Starts a server and waits until it accepts connections on its socket, and has said so in its log
        if it is one that cannot be stopped before that."""
        say(f"starting {os.path.basename(words[0])}")
        log = self.dir / f"{name}.log"
        with open(log, "wb") as file:
            process = self.spawn(name, words, file)
        wait(name, process, log, lambda: accepts(socket.AF_UNIX, self.socket(name)) and says in log.read_text())

    def stop(self):
        """Ends everything, the last one first, each by its own number."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for _, process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for name, process in reversed(self.processes):
            try:
                process.wait(STOP)
            except subprocess.TimeoutExpired:
                say(f"{name} does not end: killed")
                process.kill()
                process.wait()
        if self.sockets.parent != self.dir:
            shutil.rmtree(self.sockets, ignore_errors=True)


def say(text):
    print(f"showcase: {text}", flush=True)


def accepts(family, address):
    """Whether somebody listens there."""
    with socket.socket(family) as peer:
        peer.settimeout(1)
        return peer.connect_ex(address) == 0


def wait(name, process, log, is_ready):
    end = time.monotonic() + START
    while not is_ready():
        if process.poll() is not None or time.monotonic() > end:
            words = log.read_text(errors="replace")[-2000:] if log else ""
            raise SystemExit(f"showcase: {name} did not start\n{words}")
        time.sleep(0.05)


def free_port(wanted):
    """The wanted port, or another one if that is taken."""
    for port in (wanted, 0):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return listener.getsockname()[1]
    raise SystemExit("showcase: no free port")


def write_configuration(run, parts, port):
    words = {"DIR": run.dir, "SOCKETS": run.sockets, "PORT": port, "USER": servers.USER}
    fill = lambda text: re.sub("@([A-Z]+)@", lambda word: str(words[word[1]]), text)
    for name in parts:
        text = (HERE / f"{name}.conf").read_text(encoding="utf-8")
        (run.folder("parts") / f"{name}.conf").write_text(fill(text), encoding="utf-8")
    # only root may change to somebody else, and it is to stay itself here: the folder is its own
    conf = fill((HERE / "showcase.conf").read_text(encoding="utf-8"))
    lines = [line for line in conf.splitlines() if os.getuid() == 0 or not line.startswith("user ")]
    (run.dir / "showcase.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_index(run, shown, address):
    """The page at /: everything that can be tried."""
    lines = ["<!DOCTYPE html>", '<meta charset="utf-8">', "<title>Headwater's showcase</title>",
             "<h1>Headwater's showcase</h1>",
             f"<p>Real servers behind one configuration, <code>{run.dir}/showcase.conf</code>.</p>"]
    for _, title, tries in shown:
        lines.append(f"<h2>{html.escape(title)}</h2>\n<ul>")
        for what, words, _, _ in tries:
            command = "curl " + words.replace("@", address)
            url = next(word for word in shlex.split(command) if word.startswith("http:"))
            link = html.escape(what)
            if " -" not in command:
                link = f'<a href="{html.escape(url)}">{link}</a>'
            lines.append(f"<li>{link}<br><code>{html.escape(command)}</code>")
        lines.append("</ul>")
    pages = run.folder("pages")
    (pages / "index.html").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.copy(HERE / "page.html", pages)


def show(run, shown, address):
    print(f"\nHeadwater listens on {address}/ (everything on one page). Try:")
    for _, title, tries in shown:
        print(f"\n  {title}")
        for what, words, _, _ in tries:
            print(f"    curl {words.replace('@', address):<62}  # {what}")
    print(f"\n{run.dir}/showcase.conf is what runs, with the logs of the servers beside it. The lines below")
    print("are Headwater's error log and access log. Ctrl-C stops everything.\n", flush=True)


def check(shown, address):
    """Runs every printed command; says how many did not answer as promised."""
    failed = 0
    everything = [("the index", "@/", 200, "<h1>Headwater")]
    for what, words, status, pattern in everything + [one for _, _, tries in shown for one in tries]:
        words = words.replace("@", address)
        command = ["curl", "-sS", "-m", "20", "-w", "\n%{http_code}", *shlex.split(words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        body, _, code = done.stdout.rpartition("\n")
        good = code == str(status) and re.search(pattern, body)
        failed += not good
        print(f"{'ok    ' if good else 'FAILED'} curl {words}", flush=True)
        if not good:
            print(f"       wanted {status} and {pattern!r}, got {code} and {body!r} {done.stderr}", flush=True)
    return failed


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True, type=Path)
    parser.add_argument("--dir", required=True, type=Path)
    parser.add_argument("--port", default=8080, type=int)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("parts", nargs="*", metavar="PART", help=" ".join(servers.PARTS))
    asked = parser.parse_args()
    for name in asked.parts:
        if name not in servers.PARTS:
            parser.error(f"no part {name}; there are {' '.join(servers.PARTS)}")
    return asked


def main():
    asked = arguments()
    names = asked.parts or list(servers.PARTS)
    shown = [servers.PARTS[name] for name in names] + ([] if asked.parts else [servers.ALL])
    folder = asked.dir.resolve() / "-".join(asked.parts or ["all"])
    shutil.rmtree(folder, ignore_errors=True)
    run = Run(folder)
    try:
        for start, _, _ in shown:
            if start:
                start(run)
        port = free_port(0 if asked.check else asked.port)
        address = f"http://127.0.0.1:{port}"
        write_configuration(run, names + ([] if asked.parts else ["all"]), port)
        write_index(run, shown, address)
        log = run.dir / "headwater.log" if asked.check else None
        words = [str(asked.binary.resolve()), "-p", f"{run.dir}/", "-c", "showcase.conf", "-e", "stderr"]
        with open(log or os.devnull, "ab") as file:
            headwater = run.spawn("headwater", words, file if log else None)
        wait("headwater", headwater, log, lambda: accepts(socket.AF_INET, ("127.0.0.1", port)))
        if asked.check:
            return min(1, check(shown, address))
        show(run, shown, address)
        while True:
            for name, process in run.processes:
                if process.poll() is not None:
                    raise SystemExit(f"showcase: {name} has ended; its log is in {run.dir}")
            time.sleep(0.5)
    except KeyboardInterrupt:
        print()
        return 0
    finally:
        say("stopping everything")
        run.stop()


def asked_to_end(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, asked_to_end)
    signal.signal(signal.SIGHUP, asked_to_end)
    sys.exit(main())
