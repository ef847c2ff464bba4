"""The real servers: how each is started on a unix socket, and what it is filled with.

A part is a function that starts one server and fills it, with the URLs to try in its list. Each URL stands
with what it promises: `showcase.py --check` runs the printed command and looks.
"""
import csv
import glob
import html
import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
USER = pwd.getpwuid(os.getuid()).pw_name


def countries():
    """The data: one dictionary a country."""
    with open(HERE / "countries.tsv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def page(row):
    """A small page about a country."""
    name, capital, continent = (html.escape(row[key]) for key in ("name", "capital", "continent"))
    return f"<p>{name} lies in {continent}; its capital is {capital}.</p>\n"


def origin(run):
    """A page for each country, as files of an ordinary web server."""
    folder = run.folder("origin")
    for row in countries():
        (folder / f"{row['code']}.html").write_text(page(row), encoding="utf-8")


def php(run):
    folder = run.folder("php")
    shutil.copy(HERE / "countries.php", folder)
    shutil.copy(HERE / "countries.tsv", folder)
    conf = folder / "fpm.conf"
    # no `user` for one who cannot change to another; root may stay root, since nobody else gets in here
    who = f"user = {USER}\ngroup = {os.getgid()}\n" if os.getuid() == 0 else ""
    conf.write_text(
        f"[global]\nerror_log = {folder}/fpm.log\ndaemonize = no\n"
        f"[showcase]\nlisten = {run.socket('php')}\n{who}pm = static\npm.max_children = 2\n"
        "catch_workers_output = no\nphp_admin_flag[log_errors] = on\nphp_admin_value[error_log] =\n"
    )
    # its version is a part of its name: php-fpm8.2
    program = max(glob.glob("/usr/sbin/php-fpm*"), default="php-fpm")
    run.server("php", [program, "-n", "-F", "-R", "-y", str(conf)])


def memcached(run):
    origin(run)
    path = run.socket("memcached")
    run.server("memcached", ["memcached", "-s", path, "-u", USER, "-m", "16"])
    with talk(path) as peer:
        # every second country: the others are misses, and come from the origin
        for row in countries()[::2]:
            value = page(row).encode()
            key = f"/memcached/{row['code']}.html"
            peer.write(f"set {key} 0 0 {len(value)}\r\n".encode() + value + b"\r\n")
            expect(peer, b"STORED\r\n")


def redis(run):
    path = run.socket("redis")
    words = f"--port 0 --unixsocket {path} --save --appendonly no --dir {run.folder('redis')}".split()
    words.insert(words.index("--save") + 1, "")
    run.server("redis", ["redis-server", *words])
    with talk(path) as peer:
        for row in countries():
            fields = [word for pair in row.items() for word in pair]
            command(peer, "HSET", f"country:{row['code']}", *fields)
            command(peer, "ZADD", "by_area", row["area_km2"], row["name"])


def mysql(run):
    folder = run.folder("mysql")
    install = ["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal"]
    install += ["--skip-test-db", f"--datadir={folder}/data", f"--user={USER}"]
    # two of them at work in one /tmp take each other's tables away
    temporary = {**os.environ, "TMPDIR": str(run.folder("mysql/tmp"))}
    done = subprocess.run(install, capture_output=True, text=True, check=False, env=temporary)
    if done.returncode != 0:
        raise SystemExit(f"mariadb-install-db failed:\n{done.stdout}{done.stderr}")
    quoted = lambda text: "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
    rows = ",".join(
        f"({','.join(map(quoted, list(row.values())[:4]))},{row['area_km2']},{row['population']})"
        for row in countries()
    )
    (folder / "init.sql").write_text(
        "CREATE DATABASE world CHARACTER SET utf8mb4;\nUSE world;\nSET NAMES utf8mb4;\n"
        "CREATE TABLE country (code CHAR(2) PRIMARY KEY, name VARCHAR(40), capital VARCHAR(40),"
        " continent VARCHAR(20), area_km2 INT, population BIGINT);\n"
        f"INSERT INTO country VALUES {rows};\n"
        "CREATE USER showcase@localhost IDENTIFIED BY 'not a secret';\n"
        "GRANT SELECT ON world.* TO showcase@localhost;\n",
        encoding="utf-8",
    )
    options = {
        "user": USER, "datadir": folder / "data", "init-file": folder / "init.sql",
        "socket": run.socket("mysql"), "pid-file": folder / "pid", "tmpdir": folder / "tmp",
    }
    words = [f"--{key}={value}" for key, value in options.items()]
    command = ["mariadbd", "--no-defaults", "--skip-networking", "--skip-log-bin", *words]
    run.server("mysql", command, says="ready for connections")


def uwsgi(run):
    folder = run.folder("uwsgi")
    shutil.copy(HERE / "app.py", folder)
    shutil.copy(HERE / "countries.tsv", folder)
    command = ["uwsgi", "--plugin", "python3", "--socket", run.socket("uwsgi")]
    command += ["--scgi-socket", run.socket("scgi"), "--wsgi-file", str(folder / "app.py")]
    run.server("uwsgi", [*command, "--need-app", "--die-on-term"])


def talk(path):
    """A conversation with the server behind a socket."""
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(10)
    peer.connect(path)
    file = peer.makefile("rwb", buffering=0)
    peer.close()
    return file


def command(peer, *words):
    """One command of Redis: how many words, and each with its length in front."""
    parts = [f"*{len(words)}\r\n".encode()]
    for word in words:
        word = word.encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    peer.write(b"".join(parts))
    expect(peer, b":")


def expect(peer, start):
    """Reads one line, which has to begin so."""
    line = peer.readline()
    if not line.startswith(start):
        raise SystemExit(f"a server was to say {start!r}, but said {line!r}")


# What is shown: the part, and for each URL what to see, the arguments of curl, the status, and a regular
# expression for what comes. @ stands for the address.
PARTS = {
    "php": (php, "PHP, by FastCGI", [
        ("a page made by PHP", "'@/php/?continent=Africa'", 200, "Nigeria +Abuja +923,800 km²"),
        ("the path behind the script", "@/php/countries.php/IS", 200, "Iceland: capital Reykjavík, 4 people"),
        ("a request body", "-d 'continent=South America' @/php/countries.php", 200, "Uruguay +Montevideo"),
        ("PHP's own 404; its stderr is in the log", "@/php/countries.php/XX", 404, "PHP knows no country"),
    ]),
    "memcached": (memcached, "memcached, with an origin behind it", [
        ("a page from the cache", "-i @/memcached/AR.html", 200, "X-From: memcached[^$]*capital is Buenos"),
        ("not there: the origin answers", "-i @/memcached/AU.html", 200, "X-From: origin[^$]*is Canberra"),
        ("a note, stored for ten minutes", "-X PUT -d 'hello' @/memcached/notes/a", 201, ""),
        ("and read again", "@/memcached/notes/a", 200, "hello"),
        ("and deleted", "-X DELETE @/memcached/notes/a", 204, ""),
    ]),
    "redis": (redis, "Redis", [
        ("a hash as JSON", "'@/redis/country?code=JP'", 200, '"name":"Japan","capital":"Tokyo"'),
        ("one field of it", "'@/redis/capital?code=KE'", 200, "Nairobi"),
        ("nil is a 404", "'@/redis/capital?code=XX'", 404, ""),
        ("the five largest", "@/redis/largest", 200, "China\n9597000"),
        ("a counter", "@/redis/visits", 200, "[0-9]+"),
    ]),
    "mysql": (mysql, "MariaDB, in MySQL's protocol", [
        ("a row as JSON", "'@/mysql/country?code=FI'", 200, '"name":"Finland","capital":"Helsinki"'),
        ("an argument stays an argument", "\"@/mysql/country?code=FI'/**/OR/**/'1'='1\"", 200, r"^\[\]"),
        ("a sum over all rows", "@/mysql/continents", 200, '"continent":"Asia","countries":10'),
        ("rows as CSV", "'@/mysql/dense.csv?continent=Europe'", 200, '"Germany",236'),
    ]),
    "uwsgi": (uwsgi, "Python under uWSGI, in uwsgi's protocol and in SCGI", [
        ("asked in uwsgi", "'@/uwsgi/quiz?code=PE'", 200, '"Peru", "asked in": "uwsgi"'),
        ("the same in SCGI", "'@/scgi/quiz?code=PE'", 200, '"Peru", "asked in": "SCGI"'),
        ("a guess in a request body", "-d Lima '@/uwsgi/quiz?code=PE'", 200, '"right": true'),
        ("Python's own 404", "'@/scgi/quiz?code=XX'", 404, "no country XX"),
    ]),
}

# When all of them run: one page that asks all of them.
ALL = (None, "All of them in one page, by SSI", [
    ("five answers side by side", "'@/page?code=JP'", 200,
     'Japan: capital Tokyo[^$]*"capital":"Tokyo"[^$]*"code":"JP"[^$]*"Japan", "asked in"[^$]*is Tokyo'),
])
