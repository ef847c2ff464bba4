//! What an `error_log` line may name: a file, standard error, a syslog server.
//!
//! *In nginx* this is `ngx_log_set_log`, which tells the kinds apart by the first letters of the argument and
//! hangs a writer function on the log for everything that is not a file.
//!
//! *Here* the kinds are an enum, and [`parse`] turns the arguments of the directive into one. It does not
//! open the file: nothing on the host is touched before the whole configuration is known to be good. A
//! buffer in memory (`memory:`) is refused with a reason, because it is of use only to a debugger.
//!
//! *Read next*: `file.rs`.

use super::Level;
use super::file::{self, LogFile};
use super::syslog::Syslog;
use std::path::PathBuf;
use std::rc::Rc;

/// One `error_log` line: where, and from which level on.
#[derive(Clone)]
pub struct Target {
    /// Messages of this level and worse are written.
    pub level: Level,
    /// Where they go.
    pub sink: Sink,
}

/// The kinds of targets.
#[derive(Clone)]
pub enum Sink {
    /// Appended to a file; two lines of the configuration that name one path share it.
    File(Rc<LogFile>),
    /// The standard error the program was started with.
    Stderr,
    /// One datagram for a message.
    Syslog(Rc<Syslog>),
}

impl Sink {
    /// Writes one line, which ends in a newline. A failure is swallowed: there is nowhere to report it.
    pub(super) fn write(&self, level: Level, line: &[u8]) {
        match self {
            Sink::File(file) => {
                let _ = file.write(line);
            }
            Sink::Stderr => file::write_stderr(line),
            Sink::Syslog(syslog) => {
                syslog.send(level.severity(), line.strip_suffix(b"\n").unwrap_or(line));
            }
        }
    }
}

/// Makes a target of the directive's arguments. `full` puts the prefix before a relative file name.
///
/// # Errors
/// The text of the complaint, without the place in the configuration.
pub fn parse(name: &str, level: Option<&str>, full: impl Fn(&str) -> PathBuf) -> Result<Target, String> {
    let level = match level {
        None => Level::Error,
        Some(text) => Level::from_name(text).ok_or_else(|| invalid_level(text))?,
    };
    let sink = if name == "stderr" {
        Sink::Stderr
    } else if let Some(settings) = name.strip_prefix("syslog:") {
        Sink::Syslog(Rc::new(Syslog::parse(settings)?))
    } else if name.starts_with("memory:") {
        return Err(format!("\"{name}\": a log in memory is not supported, use a file"));
    } else {
        Sink::File(file::of(full(name)))
    };
    Ok(Target { level, sink })
}

fn invalid_level(text: &str) -> String {
    match text.strip_prefix("debug_") {
        Some(_) => format!("log level \"{text}\" is not supported, use \"debug\""),
        None => format!("invalid log level \"{text}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(name: &str, level: Option<&str>) -> String {
        parse(name, level, |name| name.into()).err().unwrap_or_default()
    }

    #[test]
    fn the_level_of_a_line_without_one_is_error() {
        let level = |text| parse("stderr", text, |name| name.into()).map(|target| target.level);
        assert_eq!(level(None), Ok(Level::Error));
        assert_eq!(level(Some("debug")), Ok(Level::Debug));
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_its_reason() {
        assert_eq!(complaint("stderr", Some("loud")), "invalid log level \"loud\"");
        assert!(complaint("stderr", Some("debug_http")).contains("use \"debug\""));
        assert!(complaint("memory:32k", None).contains("not supported"));
        assert_eq!(complaint("syslog:tag=x", None), "no syslog server specified");
    }
}
