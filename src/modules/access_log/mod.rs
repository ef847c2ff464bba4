//! The access log: one line for each request, where and how the configuration says.
//!
//! *In nginx* `ngx_http_log_module`. It is on by default: without an `access_log` line, `logs/access.log`
//! gets the `combined` format. Lines of a level replace those of the level outside.
//!
//! *Here* four files: the directives and the handler stand in this one, [`format`](mod@format) turns
//! `log_format` into bytes, [`sink`] owns files and their buffers, [`opened`] keeps files open whose names
//! have variables.
//!
//! ```text
//!   request over ─▶ if= ? ─▶ format ─▶ line ─┬▶ file, at once or through a buffer (gzip, flush)
//!                                           ├▶ file with variables in its name
//!                                           └▶ syslog
//! ```
//!
//! *Read next*: `format.rs`, `sink.rs`.

pub mod format;
pub mod opened;
mod set;
pub mod sink;

use crate::buf::Slice;
use crate::conf::build::Sets;
use crate::conf::directive::{Args, Directive, HTTP, LEVELS, LIMIT_EXCEPT, LOCATION_IF, Module};
use crate::conf::error::ConfError;
use crate::conf::template::{Names, Template};
use crate::event::RequestIx;
use crate::http::conf::CoreMain;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::phases::Phase;
use crate::http::turn::Status;
use crate::log::syslog::Syslog;
use crate::settings;
use format::Format;
use opened::OpenLogs;
use sink::FileSink;
use std::rc::{Rc, Weak};

/// The format that everybody knows.
const COMBINED: &[u8] = b"$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \
                          \"$http_referer\" \"$http_user_agent\"";

settings! {
    /// Formats and files of all of `http {}`.
    pub struct LogMain: Http {
        plain {
            /// `log_format`, by name.
            pub formats: Vec<(Slice, Rc<Format>)> = Vec::new(),
            /// Files without variables in their names; one path is one sink, and so one buffer. A file that
            /// no location uses in the end is not opened.
            pub sinks: Vec<Weak<FileSink>> = Vec::new(),
        }
    }
}

settings! {
    /// Where requests of a location are logged.
    pub struct LogLocation: Location {
        /// `access_log`; empty for `off`
        pub logs: Rc<Vec<Log>> = Rc::new(Vec::new()),
        /// `open_log_file_cache`
        pub cache: Option<Rc<OpenLogs>> = None,
    }
}

/// One `access_log` line.
#[derive(Clone)]
pub struct Log {
    format: Rc<Format>,
    target: Target,
    /// `if=`: the request is logged unless this is empty or 0.
    condition: Option<Template>,
}

#[derive(Clone)]
enum Target {
    File(Rc<FileSink>),
    /// The name depends on the request.
    Path(Template),
    Syslog(Rc<Syslog>),
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    phases: &[(Phase::Log, handler)],
    after: Some(after),
    idle: Some(|confs| confs.get::<LogLocation>().logs.is_empty()),
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module {
    name: "http_log",
    directives: &[
        Directive::of("log_format", HTTP, Args::AtLeast(2))
            .default("combined \"...\"")
            .doc("Names a format of access log lines; escape=json or none changes how values are escaped.")
            .set(set::log_format),
        Directive::of("access_log", LEVELS | LOCATION_IF | LIMIT_EXCEPT, Args::AtLeast(1))
            .default("logs/access.log combined")
            .doc("A file or syslog server that gets a line for each request, or off.")
            .set(set::access_log),
        Directive::of("open_log_file_cache", LEVELS, Args::Between(1, 4))
            .default("off")
            .doc("Keeps log files open whose names have variables.")
            .set(set::open_log_file_cache),
    ],
};

/// Without any `access_log` on the http level the usual file is used where no level inside says otherwise.
fn after(http: &mut Sets) -> Result<(), ConfError> {
    if http.get::<LogLocation>().logs.is_set() {
        return Ok(());
    }
    let Some(path) = http.get::<CoreMain>().access_log.clone() else { return Ok(()) };
    let format = Format::compile(http.get_mut::<Names>(), format::Escape::Default, COMBINED);
    // The text is ours and compiles.
    let Ok(format) = format.map(Rc::new) else { return Ok(()) };
    let sink = sink::of(http.get_mut::<LogMain>(), path);
    let log = Log { format, target: Target::File(sink), condition: None };
    http.get_mut::<LogLocation>().logs.set(Rc::new(vec![log]));
    Ok(())
}

/// Writes the lines of a request. The answer means nothing in the Log phase.
fn handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    let loc = x[r].loc.clone();
    let conf = loc.confs.get::<LogLocation>();
    if conf.logs.is_empty() {
        return Status::Ok;
    }
    let mut line = io.texts.begin();
    for log in conf.logs.iter() {
        if let Some(condition) = &log.condition {
            let value = condition.eval(x, r, io);
            if value.is_empty() || *value == *b"0" {
                continue;
            }
        }
        line.clear();
        log.format.write(&mut line, x, r, io);
        match &log.target {
            Target::Syslog(syslog) => syslog.send(syslog.severity(), &line),
            Target::File(sink) => {
                line.push(b'\n');
                sink::write(sink, &line, io);
            }
            Target::Path(path) => {
                line.push(b'\n');
                opened::write(x, r, io, conf.cache.as_deref(), path, &line);
            }
        }
    }
    io.texts.give_back(line);
    Status::Ok
}
