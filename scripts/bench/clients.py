"""The clients: wrk where it can do what is wanted, and otherwise sockets and one poll loop."""

import os
import re
import select
import socket
import subprocess
import time

POST = """
wrk.method = "POST"
wrk.body = string.rep("b", 16384)
"""
IP_BIND_ADDRESS_NO_PORT = 24
# so many connections to one address, that the ports for outgoing ones suffice
PER_ADDRESS = 20_000


def seconds_of(text):
    found = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    if not found:
        return 0.0
    number, unit = found.groups()
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}[unit]


def wrk(port, path, connections, seconds, cores, scratch, headers=(), post=False):
    """Requests answered, failures, p50 and p99 in seconds."""
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--latency", "--timeout", "20s"]
    for header in headers:
        command += ["-H", header]
    if post:
        (scratch / "post.lua").write_text(POST)
        command += ["-s", str(scratch / "post.lua")]
    command.append(f"http://127.0.0.1:{port}{path}")
    said = subprocess.run(command, text=True, check=True, stdout=subprocess.PIPE,
                          preexec_fn=lambda: os.sched_setaffinity(0, cores)).stdout
    done = int(re.search(r"(\d+) requests in", said).group(1))
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    failed = (sum(map(int, errors.groups())) if errors else 0) + (int(bad.group(1)) if bad else 0)
    p50, p99 = (seconds_of(re.search(rf"{share}%\s+(\S+)", said).group(1)) for share in (50, 99))
    return done, failed, p50, p99


def connect(port, number=0, receive_buffer=None):
    s = socket.socket()
    if receive_buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1448)
    if number:
        # the port is chosen when it is known where to, so the same one may serve several addresses
        s.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        s.bind((f"127.0.0.{2 + number // PER_ADDRESS}", 0))
    s.connect(("127.0.0.1", port))
    return s


def request(path, more=""):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode()


def is_whole(data):
    """Whether a reply with a length has arrived to its end."""
    head, gap, body = bytes(data).partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return bool(gap) and length is not None and len(body) >= int(length.group(1))


def paced(port, path, rate, seconds, connections=64):
    """A steady stream of requests that does not wait for answers: requests answered and their delays."""
    clients = [connect(port) for _ in range(connections)]
    poller = select.epoll()
    by_fd = {s.fileno(): s for s in clients}
    for s in clients:
        poller.register(s, select.EPOLLIN)
    free, sent, delays, arrived = list(clients), {}, [], {}
    start = time.monotonic()
    due = 0
    while time.monotonic() - start < seconds:
        now = time.monotonic()
        while free and due < (now - start) * rate:
            s = free.pop()
            s.sendall(request(path))
            sent[s] = start + due / rate
            due += 1
        for fd, _ in poller.poll(max(0.0, min(0.01, start + due / rate - time.monotonic()))):
            s = by_fd[fd]
            data = arrived.setdefault(s, bytearray())
            data += s.recv(65536)
            if is_whole(data):
                assert data.startswith(b"HTTP/1.1 200 "), bytes(data[:100])
                data.clear()
                delays.append(time.monotonic() - sent.pop(s))
                free.append(s)
    for s in clients:
        s.close()
    delays.sort()
    return delays


def slow_readers(port, path, count, bytes_per_second, sample):
    """Many clients read one body each at a bounded rate; `sample()` is called ten times a second.

    Seconds until the last had all.
    """
    step = 0.1
    quota = int(bytes_per_second * step)
    clients = []
    for _ in range(count):
        s = connect(port, receive_buffer=16 << 10)
        s.sendall(request(path, "Connection: close\r\n"))
        s.setblocking(False)
        clients.append(s)
    start = time.monotonic()
    turn = 0
    while clients:
        turn += 1
        for s in list(clients):
            left = quota
            while left > 0:
                try:
                    data = s.recv(left)
                except BlockingIOError:
                    break
                if not data:
                    left = -1
                    break
                left -= len(data)
            if left < 0:
                s.close()
                clients.remove(s)
        sample(time.monotonic() - start)
        time.sleep(max(0.0, start + turn * step - time.monotonic()))
        if turn > 1200:
            raise SystemExit("the slow readers never came to an end")
    return time.monotonic() - start


def idle(port, path, count, first, told):
    """Keep-alive clients that ask once and say nothing more, until `told` (one end of a pipe) says so.

    To be run in a process of its own, since a process may not have all too many sockets. Says "ready" when all
    are answered, and in the end how many the server has not closed.
    """
    clients = []
    for start in range(0, count, 100):
        batch = [connect(port, first + i + 1) for i in range(start, min(start + 100, count))]
        for s in batch:
            s.sendall(request(path))
        for s in batch:
            data = bytearray()
            while not is_whole(data):
                more = s.recv(65536)
                assert more, "the server closed a connection"
                data += more
        clients += batch
    told.send("ready")
    told.recv()
    poller = select.poll()
    for s in clients:
        poller.register(s, select.POLLIN)
    told.send(len(clients) - len(poller.poll(0)))
