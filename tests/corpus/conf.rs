//! What people who write configurations write: whole files, texts with variables, queries.

use super::{Case, echo};
use headwater::conf::error::ConfError;
use headwater::conf::include::Reader;
use headwater::conf::tree::Line;
use headwater::process::cycle::{App, ConfigSource, Purpose};
use headwater::protocol::Protocol;
use headwater::protocol::bench::{Asking, Configured, configure, say};
use headwater::worker::app::Program;
use std::net::IpAddr;

struct Test {
    program: Program,
    source: ConfigSource,
    _folder: tempfile::TempDir,
}

impl Test {
    fn new() -> Test {
        let folder = tempfile::tempdir().expect("a folder");
        let prefix = folder.path().to_owned();
        std::fs::write(prefix.join("part.conf"), "add_header X-Part 1;\n").expect("a part");
        let conf = prefix.join("test.conf");
        let (globals, error_log) = (Vec::new(), "error.log".to_owned());
        let source = ConfigSource { prefix, conf, globals, error_log, purpose: Purpose::Test };
        Test { program: Program::default(), source, _folder: folder }
    }
}

thread_local! {
    static TEST: Test = Test::new();
}

/// A whole file, as `-t` would read it. Nothing is opened that it names, and no name is looked up: a file
/// that would do so is only taken apart.
pub fn whole(bytes: &[u8]) {
    if let Err(text) = read(bytes) {
        assert!(!text.is_empty());
    }
}

/// Reads a file; None if it was only taken apart.
///
/// # Errors
/// What `-t` would say.
pub fn read(bytes: &[u8]) -> Result<Option<()>, String> {
    TEST.with(|test| {
        let tree = Reader::new(test.source.prefix.clone()).text("file", bytes);
        if reaches_out(&tree.lines) {
            return Ok(None);
        }
        std::fs::write(&test.source.conf, bytes).expect("a file");
        test.program.load(&test.source).map(|_| Some(())).map_err(|error| says(&error))
    })
}

fn says(error: &ConfError) -> String {
    error.to_string()
}

/// Whether something named here is to be looked up or opened while the configuration is read.
fn reaches_out(lines: &[Line]) -> bool {
    lines.iter().any(|line| {
        let name = String::from_utf8_lossy(&line.name).into_owned();
        let opens = ["user_file", "ssl", "certificate", "load_module"].iter().any(|word| name.contains(word));
        let hosts = ["server", "listen", "resolver", "set_real_ip_from", "debug_connection"];
        let is_host = hosts.contains(&&*name) || name.ends_with("_pass") || name.ends_with("_bind");
        let is_far = line.args.iter().any(|arg| is_host && !is_near(arg));
        let is_syslog = line.args.iter().any(|arg| arg.starts_with(b"syslog:"));
        is_far || opens || is_syslog || reaches_out(line.children())
    })
}

/// An address in digits, a socket of the file system, or nothing that could be a name of a host.
fn is_near(word: &[u8]) -> bool {
    let text = String::from_utf8_lossy(word);
    let rest = text.split_once("://").map_or(&*text, |(_, rest)| rest);
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let bare = host.rsplit_once(':').map_or(host, |(host, _)| host).trim_matches(['[', ']']);
    let is_option = |word: &str| {
        word.contains('=') || ["on", "off", "reuseport", "default_server", "backup", "down"].contains(&word)
    };
    host.starts_with("unix:")
        || text.contains('$')
        || is_option(&text)
        || ["backend", "cached", "*", ""].contains(&bare)
        || bare.parse::<IpAddr>().is_ok()
        || (host == bare && !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit()))
}

/// A word of a configuration that means these bytes.
fn quoted(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// A text with variables: compiled, and made for a request.
pub fn template(bytes: &[u8]) {
    let Some(word) = quoted(bytes) else { return };
    let Ok(configured) = configure::<echo::Echo>(&format!("echo_line {word};")) else { return };
    let asking = Asking::get("/", &configured).variable("a", "A").variable("b", "\u{e9}");
    let (said, _) = say(&configured, &mut { asking }).expect("a line");
    assert!(said.len() <= bytes.len() * 2 + 1 && said.ends_with(b"\n"));
    assert!(
        !bytes.contains(&b'$') || said != [bytes, b"\n"].concat() || bytes.contains(&b'\n'),
        "no variable"
    );
}

fn query(configured: &Configured, value: &str) -> Option<Vec<u8>> {
    let names = ["a", "b", "arg_id", "x"];
    let asking = Asking::get("/", configured);
    let asking = names.iter().fold(asking, |asking, name| asking.variable(name, value));
    let (said, _) = say(configured, &mut { asking }).ok()?;
    Some(said.get(5..)?.to_vec())
}

/// A query: whatever variables hold, the statement around their values stays the same.
pub fn sql(bytes: &[u8]) {
    let Some(word) = quoted(bytes) else { return };
    let case = Case::new("mysql", "", "");
    assert_eq!(case.module, headwater::protocol::mysql::MySql::NAME);
    let Ok(configured) = configure::<headwater::protocol::mysql::MySql>(&format!("mysql_query {word};"))
    else {
        return;
    };
    let Some(plain) = query(&configured, "v") else { return };
    for evil in ["'", "\\", "' OR 1=1 -- ", "\\' OR 1=1 /* ", "*/ --\n", "`\"'#\n", ""] {
        let Some(other) = query(&configured, evil) else { continue };
        let (want, got) = (skeleton(&plain), skeleton(&other));
        assert_eq!(got.escape_ascii().to_string(), want.escape_ascii().to_string(), "with {evil:?}");
    }
}

/// A statement without the insides of strings and comments, as MariaDB reads it: `--` begins a comment only
/// before a blank.
fn skeleton(sql: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), sql);
    let until = |rest: &[u8], end: &[u8]| {
        rest.windows(end.len()).position(|part| part == end).map_or(rest.len(), |at| at + end.len())
    };
    while let Some((byte, tail)) = rest.split_first() {
        out.push(*byte);
        rest = tail;
        let is_dashes = *byte == b'-'
            && matches!(tail, [b'-', next, ..] if next.is_ascii_whitespace() || next.is_ascii_control());
        let skip = match byte {
            b'\'' | b'"' | b'`' => string(rest, *byte),
            b'#' => until(rest, b"\n"),
            b'-' if is_dashes => until(rest, b"\n"),
            b'/' if rest.starts_with(b"*") => 1 + until(rest.get(1..).unwrap_or_default(), b"*/"),
            _ => continue,
        };
        rest = rest.get(skip..).unwrap_or_default();
    }
    out
}

/// How many bytes a string has, its end included.
fn string(rest: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while let Some(byte) = rest.get(at) {
        at += 1;
        match byte {
            b'\\' if quote != b'`' => at += 1,
            byte if *byte == quote && rest.get(at) == Some(&quote) => at += 1,
            byte if *byte == quote => return at,
            _ => {}
        }
    }
    rest.len()
}
