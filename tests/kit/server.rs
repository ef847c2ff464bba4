//! The server under test: a scratch prefix, a configuration, the process, and its last will.
//!
//! ```text
//! Server::locations(text)   the inside of one server { } that listens on %%PORT_0%%
//! Server::http(text)        the inside of http { }
//! Server::conf(text)        the whole file (without `daemon off`, `pid` and `error_log`)
//!       .with("NAME", value)      %%NAME%% in the text
//!       .file("html/a", bytes)    a file below the prefix
//!       .allow("text")            a log line with this text is expected, although it is an alert or so
//!       .start()                  → Server, ready for connections
//! ```
//!
//! `%%PORT_0%%`, `%%PORT_1%%`… are free ports and `%%DIR%%` is the prefix. When a [`Server`] is dropped it
//! is asked to quit gracefully, must do so in time, leave no process behind, and must have logged nothing
//! that tells of a bug. So every test ends with these assertions without saying so.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use super::{Client, Port, Response, process, wait};

/// Texts that no error log of a passing test may hold.
const BAD: &[&str] = &["[alert]", "[crit]", "[emerg]", "panicked", "leaked hold", "sweep"];

/// The program that is tested: ours, or the one `HEADWATER_BIN` names.
pub fn binary() -> PathBuf {
    std::env::var_os("HEADWATER_BIN").map_or_else(|| env!("CARGO_BIN_EXE_headwater").into(), PathBuf::from)
}

/// The program of an example, if it has been built (`cargo test` and `make suite` do).
pub fn example(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_BIN_EXE_headwater")).parent()?.join("examples").join(name);
    path.exists().then_some(path)
}

/// Whether the program is Headwater, for what nginx need not do.
pub fn is_headwater() -> bool {
    std::env::var_os("HEADWATER_BIN").is_none()
}

/// A server about to be started.
pub struct Setup {
    text: String,
    values: BTreeMap<String, String>,
    files: Vec<(String, Vec<u8>)>,
    allowed: Vec<String>,
    environment: Vec<(String, String)>,
    program: Option<PathBuf>,
}

impl Setup {
    /// Tests this program instead: an [`example`].
    pub fn program(mut self, program: PathBuf) -> Setup {
        self.program = Some(program);
        self
    }

    /// `%%name%%` in the configuration becomes this value.
    pub fn with(mut self, name: &str, value: impl Display) -> Setup {
        self.values.insert(name.to_owned(), value.to_string());
        self
    }

    /// Writes a file below the prefix before the start; directories are made.
    pub fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Setup {
        self.files.push((path.to_owned(), content.as_ref().to_vec()));
        self
    }

    /// Lines of the error log with this text do not fail the test.
    pub fn allow(mut self, text: &str) -> Setup {
        self.allowed.push(text.to_owned());
        self
    }

    /// An environment variable for the server.
    pub fn env(mut self, name: &str, value: &str) -> Setup {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the server and waits until it accepts connections.
    pub fn start(self) -> Server {
        let mut server = self.prepare();
        let mut command = server.command(&[]);
        server.child = Some(command.spawn().unwrap_or_else(|e| panic!("cannot start {:?}: {e}", binary())));
        let pid_file = server.dir.path().join("nginx.pid");
        let ready = wait::try_until(|| {
            let gone = server.child.as_mut().is_some_and(|c| !matches!(c.try_wait(), Ok(None)));
            let written = fs::read_to_string(&pid_file).is_ok_and(|pid| pid.ends_with('\n'));
            (gone || written).then_some(!gone)
        });
        if ready != Some(true) {
            server.child.take().map(|mut c| (c.kill(), c.wait()));
            panic!("the server did not start\n{}{}", server.log(), server.stderr());
        }
        server
    }

    /// Runs the configuration test (`-t`) only: for messages about bad configurations.
    pub fn check(self) -> Output {
        let server = self.prepare();
        let mut command = server.command(&["-t"]);
        command.stderr(Stdio::piped()).output().expect("the configuration test")
    }

    /// Starts a server that must end by itself, with an error; gives what it wrote.
    pub fn fails_to_start(self) -> String {
        let server = self.prepare();
        let mut child =
            server.command(&[]).spawn().unwrap_or_else(|e| panic!("cannot start {:?}: {e}", binary()));
        let Some(status) = wait::try_until(|| child.try_wait().ok().flatten()) else {
            let _ = child.kill();
            panic!("the server runs, although it should not\n{}", server.log());
        };
        assert!(!status.success(), "the server ended with success\n{}", server.log());
        server.log() + &server.stderr()
    }

    /// The message for a configuration that must be refused, without its last line ("… test failed").
    pub fn refusal(self) -> String {
        let output = self.check();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "the configuration was accepted: {text}");
        text
    }

    fn prepare(mut self) -> Server {
        let dir = tempfile::Builder::new().prefix("headwater-").tempdir().expect("a scratch directory");
        // workers of a server started by root run as somebody else, who must get in here
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
        self.values.insert("DIR".to_owned(), dir.path().display().to_string());
        let mut ports = Vec::new();
        while self.text.contains(&format!("%%PORT_{}%%", ports.len())) {
            let port = Port::take();
            self.values.insert(format!("PORT_{}", ports.len()), port.number().to_string());
            ports.push(port);
        }
        let server = Server {
            dir,
            ports,
            values: self.values,
            allowed: self.allowed,
            environment: self.environment,
            program: self.program.unwrap_or_else(binary),
            child: None,
        };
        for (path, content) in &self.files {
            server.write_file(path, content);
        }
        fs::create_dir_all(server.dir.path().join("logs")).expect("logs/");
        server.write_conf(&self.text);
        server
    }
}

/// A running server in its scratch prefix.
pub struct Server {
    dir: tempfile::TempDir,
    ports: Vec<Port>,
    values: BTreeMap<String, String>,
    allowed: Vec<String>,
    environment: Vec<(String, String)>,
    program: PathBuf,
    child: Option<Child>,
}

impl Server {
    /// A whole configuration file but for the lines the kit needs itself.
    pub fn conf(text: &str) -> Setup {
        let prelude = "daemon off; pid nginx.pid; error_log error.log info;";
        Setup {
            text: format!("{prelude}\n{text}\n"),
            values: BTreeMap::new(),
            files: Vec::new(),
            allowed: Vec::new(),
            environment: Vec::new(),
            program: None,
        }
    }

    /// The inside of `http { }`, one worker.
    pub fn http(text: &str) -> Setup {
        let before =
            "worker_processes 1;\nevents { worker_connections 512; }\nhttp {\naccess_log access.log;";
        Server::conf(&format!("{before}\n{text}\n}}"))
    }

    /// The inside of one `server { }` which listens on the first port.
    pub fn locations(text: &str) -> Setup {
        Server::http(&format!("server {{\nlisten 127.0.0.1:%%PORT_0%%;\n{text}\n}}"))
    }

    /// The first listening address.
    pub fn addr(&self) -> SocketAddr {
        self.addr_of(0)
    }

    /// The address with `%%PORT_n%%`.
    pub fn addr_of(&self, n: usize) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports[n].number()).into()
    }

    /// A URL on the first address.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr())
    }

    /// A new connection to the first address.
    pub fn connect(&self) -> Client {
        Client::connect(self.addr())
    }

    /// One GET on a connection of its own.
    pub fn get(&self, uri: &str) -> Response {
        self.connect().get(uri)
    }

    /// Sends these bytes on a connection of its own and gives all that comes until it is closed.
    pub fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        String::from_utf8_lossy(&self.connect().send(bytes).rest()).into_owned()
    }

    /// The prefix directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file below the prefix, with the placeholders filled in if it is text.
    pub fn write_file(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a path below the prefix")).expect("directories");
        match std::str::from_utf8(content.as_ref()) {
            Ok(text) if text.contains("%%") => fs::write(path, self.fill_in(text)),
            _ => fs::write(path, content),
        }
        .expect("a file below the prefix");
    }

    /// A file below the prefix; empty if it is not there.
    pub fn read_file(&self, path: &str) -> String {
        let bytes = fs::read(self.dir.path().join(path)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Replaces the configuration file (as given to [`Server::conf`]); takes effect with `reload`.
    pub fn rewrite_conf(&self, setup: Setup) {
        self.write_conf(&setup.text);
    }

    /// The error log so far.
    pub fn log(&self) -> String {
        self.read_file("error.log")
    }

    /// The access log so far.
    pub fn access_log(&self) -> String {
        self.read_file("access.log")
    }

    /// What the server wrote on its standard error.
    pub fn stderr(&self) -> String {
        self.read_file("stderr")
    }

    /// Waits until the error log holds this text, and gives the line with it.
    pub fn wait_for_log(&self, text: &str) -> String {
        self.wait_for_line("error.log", text)
    }

    /// Waits until the access log holds this text, and gives the line with it.
    pub fn wait_for_access(&self, text: &str) -> String {
        self.wait_for_line("access.log", text)
    }

    /// Waits until a file below the prefix has a whole line with this text, and gives that line.
    pub fn wait_for_line(&self, file: &str, text: &str) -> String {
        let found = wait::try_until(|| {
            let log = self.read_file(file);
            log.split_inclusive('\n').find(|l| l.ends_with('\n') && l.contains(text)).map(str::to_owned)
        });
        found.unwrap_or_else(|| panic!("no line with {text:?} in {file}:\n{}", self.read_file(file)))
    }

    /// The process that was started: the master, or the only process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map(Child::id).expect("a running server")
    }

    /// The workers that live now; waits for the first, which comes a moment after the pid file.
    pub fn worker_pids(&self) -> Vec<u32> {
        let is_helper = |pid: &u32| process::command_line(*pid).starts_with("nginx: cache");
        let workers = || process::children(self.pid()).into_iter().filter(|pid| !is_helper(pid)).collect();
        wait::until("a worker", || Some(workers()).filter(|pids: &Vec<u32>| !pids.is_empty()))
    }

    /// Sends a signal to the master.
    pub fn signal(&self, name: &str) {
        process::signal(name, self.pid());
    }

    /// Reads the configuration anew and waits until new workers are there and the old ones are gone or,
    /// when they have something left to do, shutting down.
    pub fn reload(&self) {
        let old = self.worker_pids();
        self.signal("HUP");
        wait::until("workers with the new configuration", || {
            self.worker_pids().iter().any(|pid| !old.contains(pid)).then_some(())
        });
        for pid in old {
            wait::until("the old workers to stop accepting", || {
                let title = process::command_line(pid);
                (!process::is_alive(pid) || title.contains("shutting down")).then_some(())
            });
        }
    }

    /// Waits until none of these processes is left.
    pub fn wait_until_gone(&self, pids: &[u32]) {
        wait::until("old workers to end", || pids.iter().all(|pid| !process::is_alive(*pid)).then_some(()));
    }

    /// Asks for a graceful end and checks what the server leaves behind; dropping does the same.
    pub fn quit(mut self) {
        self.shut_down("QUIT");
    }

    /// As [`Server::quit`] with another signal, `TERM` for a fast end.
    pub fn stop(mut self, signal: &str) {
        self.shut_down(signal);
    }

    fn shut_down(&mut self, signal: &str) {
        let Some(mut child) = self.child.take() else { return };
        let workers = process::children(child.id());
        process::signal(signal, child.id());
        let status = wait::try_until(|| child.try_wait().ok().flatten());
        let left: Vec<u32> = workers.into_iter().filter(|pid| process::is_alive(*pid)).collect();
        if status.is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
        for pid in &left {
            process::signal("KILL", *pid);
        }
        if std::thread::panicking() {
            eprintln!("--- error log ---\n{}--- stderr ---\n{}", self.log(), self.stderr());
            return;
        }
        let log = self.log();
        let Some(status) = status else { panic!("the server did not end on {signal}\n{log}") };
        assert!(status.success(), "the server ended with {status}\n{log}\n{}", self.stderr());
        assert!(left.is_empty(), "workers {left:?} outlived their master\n{log}");
        self.assert_clean(&log);
        self.assert_clean(&self.stderr());
    }

    fn assert_clean(&self, log: &str) {
        let bad = |line: &&str| BAD.iter().any(|b| line.contains(b));
        let expected = |line: &str| self.allowed.iter().any(|a| line.contains(a.as_str()));
        let found: Vec<&str> = log.lines().filter(bad).filter(|line| !expected(line)).collect();
        assert!(found.is_empty(), "the log tells of a bug:\n{}\n--- whole log ---\n{log}", found.join("\n"));
    }

    fn command(&self, more: &[&str]) -> Command {
        let file = fs::File::create(self.dir.path().join("stderr")).expect("a file for stderr");
        let mut command = Command::new(&self.program);
        let prefix = format!("{}/", self.dir.path().display());
        command.args(["-p", &prefix, "-c", "nginx.conf", "-e", "error.log"]).args(more);
        command.envs(self.environment.iter().map(|(n, v)| (n, v)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        command
    }

    fn write_conf(&self, text: &str) {
        fs::write(self.dir.path().join("nginx.conf"), self.fill_in(text)).expect("nginx.conf");
    }

    fn fill_in(&self, text: &str) -> String {
        let filled = self.values.iter().fold(text.to_owned(), |t, (n, v)| t.replace(&format!("%%{n}%%"), v));
        assert!(!filled.contains("%%"), "a placeholder without a value in\n{filled}");
        filled
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shut_down("QUIT");
    }
}
