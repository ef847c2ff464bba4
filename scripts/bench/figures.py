"""What the kernel knows of a proxy's processes: processor time, memory, system calls; and valgrind of instructions."""

import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")


def processor_ns(pids):
    """Processor time so far in nanoseconds, exact to the scheduler's clock, of all threads."""
    total = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
            try:
                total += int((task / "schedstat").read_text().split()[0])
            except OSError:
                pass
    return total


def user_and_system_ticks(pids):
    """Ticks in user and in kernel mode: sampled, so good for a proportion only."""
    user = system = 0
    for pid in pids:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        user, system = user + int(fields[11]), system + int(fields[12])
    return user, system


class Processor:
    """Processor time between two moments."""

    def __init__(self, pids):
        self.pids = pids
        self.ns = processor_ns(pids)
        self.ticks = user_and_system_ticks(pids)

    def used(self):
        """Nanoseconds in all, and the share that was spent in user mode."""
        ns = processor_ns(self.pids) - self.ns
        user, system = (new - old for new, old in zip(user_and_system_ticks(self.pids), self.ticks))
        return ns, user / (user + system) if user + system else 0.0


def resident(pids):
    """Bytes of memory that would come back if the processes ended: shared pages are divided by their users."""
    total = 0
    for pid in pids:
        try:
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except OSError:
            pass
    return total


def busy():
    """Seconds in which any processor was not idle."""
    fields = [int(word) for word in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def system_calls(pids, work):
    """Counts by name while `work()` runs, which gives the number of requests; calls per request and requests."""
    tracer = subprocess.Popen(["strace", "-f", "-c", "-U", "name,calls,errors", *sum((["-p", str(p)] for p in pids), [])],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(0.3)
    requests = work()
    tracer.send_signal(signal.SIGINT)
    _, table = tracer.communicate(timeout=30)
    calls = {}
    for line in table.splitlines():
        found = re.fullmatch(r"(\w+)\s+(\d+)(?:\s+(\d+))?\s*", line)
        if found and found.group(1) != "total":
            calls[found.group(1)] = int(found.group(2)) / max(1, requests)
            if found.group(3):
                calls[found.group(1) + " (error)"] = int(found.group(3)) / max(1, requests)
    return {name: round(count, 3) for name, count in calls.items() if count >= 0.005}


def instructions(command, directory, port, path, low=500, high=2500):
    """User-space instructions for one request on a kept connection: the difference of two counted runs.

    The same to a few in a thousand on any machine, however busy it is. None where valgrind is missing.
    """
    if not shutil.which("valgrind"):
        return None
    counted = []
    for count in (low, high):
        run = subprocess.Popen(["valgrind", "--tool=callgrind",
                                "--callgrind-out-file=/dev/null", *[str(word) for word in command]],
                               cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        requests_on_one_connection(port, path, count)
        run.send_signal(signal.SIGTERM)
        _, said = run.communicate(timeout=60)
        counted.append(int(re.search(r"Collected : (\d+)", said).group(1)))
    return (counted[1] - counted[0]) / (high - low)


def requests_on_one_connection(port, path, count):
    end = time.monotonic() + 60
    while True:
        try:
            s = socket.create_connection(("127.0.0.1", port), 30)
            break
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    with s:
        for _ in range(count):
            s.sendall(request)
            data = s.recv(65536)
            assert data.startswith(b"HTTP/1.1 200 "), data[:100]
            head, _, body = data.partition(b"\r\n\r\n")
            length = int(re.search(rb"(?i)\r\ncontent-length: (\d+)", head).group(1))
            while len(body) < length:
                body += s.recv(65536)


def median(figures):
    return statistics.median(figures) if figures else float("nan")
