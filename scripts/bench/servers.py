"""The proxies under test, the origins behind them, and how each is started and stopped.

Each runs in a directory of its own, on cores of its own. A proxy offers the same six doors (see DOORS): they
differ in what stands behind, so that a scenario is a door, a path and a client.
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))

# pooled: kept upstream connections. usual: the same, with what most locations say besides. fresh: a new one for each
# request. memcached: a get. streamed: pooled, with buffering off. local: an answer that no upstream gives.
DOORS = ("pooled", "usual", "fresh", "memcached", "streamed", "local")

ORIGIN = """
daemon off; pid nginx.pid; worker_processes 1; worker_rlimit_nofile {files}; error_log error.log crit;
events {{ worker_connections {connections}; }}
http {{
    access_log off; keepalive_requests 100000000; keepalive_timeout 1h; client_max_body_size 0; sendfile on;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {bodies}; types {{ }}
        location = /small {{ return 200 "{small}"; }}
        # says that it closes and does not: the blind relay in front does, and wrk must expect it
        location = /close {{ add_header Connection close; return 200 "{small}"; }}
        location = /post {{ client_body_buffer_size 64k; return 200 ok; }}
    }}
}}
"""

# The same text for Headwater and for nginx: that is the point of both.
NGINX = """
daemon off; pid nginx.pid; worker_processes {workers}; worker_rlimit_nofile {files}; error_log error.log crit;
{affinity}
events {{ worker_connections {connections}; }}
http {{
    access_log off; keepalive_requests 100000000; keepalive_timeout 1h; client_max_body_size 0;
    upstream pooled {{ server 127.0.0.1:{origin}; keepalive 256; keepalive_requests 100000000; }}
    upstream fresh {{ server 127.0.0.1:{origin}; }}
    upstream memcached {{ server 127.0.0.1:{memcached}; keepalive 256; keepalive_requests 100000000; }}
    proxy_http_version 1.1; proxy_set_header Connection "";
    server {{ listen 127.0.0.1:{pooled} backlog=4096{reuseport}; location / {{ proxy_pass http://pooled; }} }}
    log_format usual '$remote_addr [$time_iso8601] "$request" $status $bytes_sent $request_time "$upstream_addr" '
                     '$upstream_response_time $upstream_status "$http_referer" "$http_user_agent"';
    map $http_user_agent $app {{ default web; ~*bot crawler; }}
    server {{
        listen 127.0.0.1:{usual} backlog=4096;
        access_log usual.log usual; gzip on;
        location / {{
            set $to "$app-$remote_addr";
            if ($http_x_refused) {{ return 403; }}
            proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-To $to;
            proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme; proxy_hide_header X-Powered-By;
            add_header X-Frame-Options SAMEORIGIN always; add_header X-Upstream $upstream_addr;
            proxy_pass http://pooled;
        }}
    }}
    server {{
        listen 127.0.0.1:{fresh} backlog=4096;
        location / {{ proxy_set_header Connection close; proxy_pass http://fresh; }}
    }}
    server {{
        listen 127.0.0.1:{memcached_door} backlog=4096;
        location / {{ set $memcached_key k; memcached_pass memcached; }}
    }}
    server {{
        listen 127.0.0.1:{streamed} backlog=4096;
        location / {{ proxy_buffering off; proxy_pass http://pooled; }}
    }}
    server {{ listen 127.0.0.1:{local} backlog=4096{reuseport}; location / {{ return 200 "an answer\\n"; }} }}
}}
"""

HAPROXY = """
global
    nbthread 1
    maxconn 4000
defaults
    mode http
    option splice-auto
    option http-no-delay
    timeout connect 60s
    timeout client 1h
    timeout server 1h
    maxconn 4000
    http-reuse always
listen pooled
    bind 127.0.0.1:{pooled} backlog 4096
    server origin 127.0.0.1:{origin} pool-max-conn 256
listen streamed
    bind 127.0.0.1:{streamed} backlog 4096
    server origin 127.0.0.1:{origin} pool-max-conn 256
listen fresh
    bind 127.0.0.1:{fresh} backlog 4096
    http-reuse never
    option http-server-close
    http-request set-header Connection close
    server origin 127.0.0.1:{origin} pool-max-conn 0
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def tree_of(pid):
    """A process and all that descend from it."""
    parents = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue
        parents.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += parents.get(found[-1], [])
    return found


def wait_for_port(port, process, what, directory):
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    process.kill()
    process.wait()
    sys.exit(f"{what} does not start:\n" + (directory / "output.log").read_text())


class Server:
    """A process and its children, and the ports they listen on."""

    def __init__(self, name, command, directory, cores, ports, processes=1):
        self.name, self.ports = name, ports
        self.output = open(directory / "output.log", "wb")
        self.process = subprocess.Popen([str(word) for word in command], cwd=directory, stdout=self.output,
                                        stderr=self.output, preexec_fn=lambda: os.sched_setaffinity(0, cores))
        for port in ports.values():
            wait_for_port(port, self.process, name, directory)
        # a master listens before it has workers
        while len(self.pids()) < processes and self.process.poll() is None:
            time.sleep(0.01)

    def pids(self):
        return tree_of(self.process.pid)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                for pid in self.pids():
                    os.kill(pid, signal.SIGKILL)
                self.process.wait()
        self.output.close()


def fill(bodies):
    """The files an origin serves."""
    bodies.mkdir(parents=True, exist_ok=True)
    for name, size in (("16k", 16 << 10), ("1m", 1 << 20), ("100m", 100 << 20)):
        with open(bodies / name, "wb") as file:
            file.truncate(size)


def origin(directory, bodies, cores, files):
    """An HTTP origin: Debian's nginx, whatever is measured in front of it."""
    (directory / "logs").mkdir(parents=True)
    ports = {"origin": free_port()}
    conf = ORIGIN.format(port=ports["origin"], bodies=bodies, small="s" * 100, files=files, connections=files // 2)
    (directory / "nginx.conf").write_text(conf)
    command = [nginx_binary(), "-p", f"{directory}/", "-c", "nginx.conf", "-e", "error.log"]
    return Server("origin", command, directory, cores, ports, 2)


def memcached(directory, cores):
    """A memcached that holds 1 KiB under the key k."""
    directory.mkdir(parents=True)
    port = free_port()
    command = ["memcached", "-l", "127.0.0.1", "-p", port, "-U", "0", "-t", "1", "-c", "2000", "-u", "nobody"]
    server = Server("memcached", command, directory, cores, {"memcached": port})
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        s.sendall(b"set k 0 0 1024\r\n" + b"m" * 1024 + b"\r\n")
        assert s.recv(64) == b"STORED\r\n"
    return server


def nginx_binary():
    return shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin") or sys.exit("nginx is missing")


class Backends:
    """What stands behind every proxy."""

    def __init__(self, scratch, bodies, cores, files):
        fill(bodies)
        self.files = files
        self.origin = origin(scratch / "origin", bodies, cores, files)
        self.memcached = memcached(scratch / "memcached", cores)

    def stop(self):
        self.origin.stop()
        self.memcached.stop()


def start(name, binary, scratch, cores, backends, workers=1, by_processor=False):
    """One of the proxies: `headwater`, `nginx`, `haproxy`, `floor`, or any other that reads nginx.conf."""
    directory = scratch / f"{name}-{workers}"
    (directory / "logs").mkdir(parents=True)
    names = ["pooled", "fresh", "streamed"] if name in ("haproxy", "floor") else DOORS
    ports = {door: free_port() for door in names}
    if name == "floor":
        ports["close"] = free_port()
        return floor(binary, directory, cores, backends, ports)
    values = dict(ports, origin=backends.origin.ports["origin"], memcached=backends.memcached.ports["memcached"],
                  files=backends.files, connections=backends.files - 100, workers=workers)
    if name == "haproxy":
        (directory / "haproxy.cfg").write_text(HAPROXY.format(**values))
        return Server(name, [binary, "-f", "haproxy.cfg"], directory, cores, ports)
    values["reuseport"] = " reuseport=cpu" if by_processor else " reuseport" if workers > 1 else ""
    values["affinity"] = "worker_cpu_affinity auto;" if by_processor else ""
    values["memcached_door"] = ports["memcached"]
    (directory / "nginx.conf").write_text(NGINX.format(**values))
    command = [binary, "-p", f"{directory}/", "-c", "nginx.conf", "-e", "error.log"]
    return Server(name, command, directory, cores, ports, 1 + workers)


def floor(binary, directory, cores, backends, ports):
    """The blind relay listens on a port for each way of treating connections."""
    doors = [f"{how}={ports[how]}" for how in ("pooled", "fresh", "close")]
    command = [binary, backends.origin.ports["origin"], *doors]
    ports["streamed"] = ports["pooled"]
    return Server("floor", command, directory, cores, ports)
