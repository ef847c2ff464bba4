//! Real servers: memcached, Redis, php-fpm, uWSGI, MariaDB, started for one test on a port and in a
//! folder of their own.
//!
//! `scripts/setup.sh test` installs them. A server that is not there fails the test with its name: a
//! test that does nothing would say that something works. Each is killed by its own id when the test
//! ends.

use super::{Port, wait};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A running server.
pub struct Real {
    child: Child,
    port: Port,
    dir: TempDir,
}

impl Real {
    /// Starts what `command` makes of a folder and a port, and waits until it accepts connections.
    fn start(name: &str, command: impl FnOnce(&Path, u16) -> Command) -> Real {
        let (port, dir) = (Port::take(), tempfile::tempdir().expect("a folder"));
        let mut command = command(dir.path(), port.number());
        let log = File::create(dir.path().join("log")).expect("a log");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} (scripts/setup.sh test): {error}"));
        let real = Real { child, port, dir };
        wait::until(&format!("{name} to accept connections"), || TcpStream::connect(real.addr()).ok());
        real
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port.number()).into()
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// memcached.
    pub fn memcached() -> Real {
        Real::start("memcached", |_, port| {
            let mut command = Command::new("memcached");
            command.args(["-l", "127.0.0.1", "-U", "0", "-u", "nobody", "-p", &port.to_string()]);
            command
        })
    }

    /// Redis with these words of configuration.
    pub fn redis(words: &[&str]) -> Real {
        Real::start("redis-server", |dir, port| {
            let mut command = Command::new("redis-server");
            command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]);
            command.arg(dir).args(words);
            command
        })
    }

    /// uWSGI with a Python application, speaking `protocol`: `uwsgi` or `scgi`.
    pub fn uwsgi(protocol: &str, application: &str) -> Real {
        Real::start("uwsgi", |dir, port| {
            let file = dir.join("app.py");
            std::fs::write(&file, application).expect("an application");
            let mut command = Command::new("uwsgi");
            let socket = if protocol == "scgi" { "--scgi-socket" } else { "--socket" };
            command.args(["--plugin", "python3", socket, &format!("127.0.0.1:{port}"), "--wsgi-file"]);
            command.arg(file).args(["--die-on-term", "--need-app"]);
            command
        })
    }

    /// php-fpm with these scripts.
    pub fn php(scripts: &[(&str, &str)]) -> Real {
        Real::start("php-fpm", |dir, port| {
            let conf = dir.join("fpm.conf");
            let text = format!(
                "[global]\nerror_log = {0}/fpm.log\ndaemonize = no\n\
                 [www]\nlisten = 127.0.0.1:{port}\npm = static\n\
                 pm.max_children = 2\nuser = nobody\ncatch_workers_output = no\n\
                 php_admin_flag[log_errors] = on\nphp_admin_value[error_log] =\n",
                dir.display()
            );
            std::fs::write(&conf, text).expect("a configuration");
            for (name, script) in scripts {
                std::fs::write(dir.join(name), script).expect("a script");
            }
            open_to_all(dir);
            let mut command = Command::new(php());
            command.arg("-y").arg(conf).args(["-n", "-F", "-R"]);
            command
        })
    }

    /// MariaDB with a user `web` whose password is `it's secret`, and these statements run in a
    /// database `shop`.
    pub fn mariadb(statements: &str) -> Real {
        Real::start("mariadbd", |dir, port| {
            let (data, init) = (dir.join("data"), dir.join("init.sql"));
            let mut install = Command::new("mariadb-install-db");
            install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
            install.arg(format!("--datadir={}", data.display())).arg(format!("--user={}", user()));
            // Two of them at work in one folder for temporary files take each other's tables away.
            install.env("TMPDIR", dir);
            let done = install.output().unwrap_or_else(|error| panic!("mariadb-server: {error}"));
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            let users = "CREATE DATABASE shop;\nUSE shop;\n\
                         CREATE USER web@'127.0.0.1' IDENTIFIED BY 'it''s secret';\n\
                         GRANT ALL ON shop.* TO web@'127.0.0.1';\n";
            std::fs::write(&init, format!("{users}{statements}")).expect("statements");
            let mut command = Command::new("mariadbd");
            command.args([
                "--no-defaults",
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--skip-log-bin",
            ]);
            command.args([format!("--port={port}"), format!("--user={}", user())]);
            command.env("TMPDIR", dir);
            for (key, path) in [("datadir", &data), ("init-file", &init), ("socket", &dir.join("socket"))] {
                command.arg(format!("--{key}={}", path.display()));
            }
            command
        })
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        // php-fpm's and uWSGI's workers go when their master is told to; a kill would leave them behind.
        super::process::signal("TERM", self.child.id());
        if wait::try_until(|| self.child.try_wait().ok().flatten()).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// php-fpm has its version in its name.
fn php() -> PathBuf {
    let folder = std::fs::read_dir("/usr/sbin").into_iter().flatten().flatten().map(|entry| entry.path());
    let is_php = |path: &PathBuf| path.to_string_lossy().contains("/php-fpm");
    folder.filter(is_php).max().unwrap_or_else(|| "php-fpm".into())
}

/// Who runs the test: servers that may not be root are told so.
fn user() -> String {
    let id = Command::new("id").arg("-un").output().expect("id");
    String::from_utf8_lossy(&id.stdout).trim().to_owned()
}

/// Lets a server that gives its rights up read a folder.
fn open_to_all(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).expect("rights");
}
