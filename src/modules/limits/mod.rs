//! Limits: how fast a client may ask, and how many requests of it may be answered at once.
//!
//! *In nginx* `ngx_http_limit_req_module` and `ngx_http_limit_conn_module`, two files with much in common.
//!
//! *Here* two files and what they share: the shape of the [table](crate::sys::table) in shared memory,
//! the words of their status variables, the parsing of a zone, and what is done about requests that are
//! too many.
//!
//! ```text
//!   limit_req_zone $key zone=a:1m rate=2r/s  ─▶ Zone "a" ─▶ Table: key ─▶ excess, last
//!   limit_conn_zone $key zone=b:1m           ─▶ Zone "b" ─▶ Table: key ─▶ connections
//! ```
//!
//! *Read next*: `req.rs`, then `conn.rs`.

pub mod conn;
pub mod req;

use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS};
use crate::conf::error::ConfError;
use crate::conf::merge::Conf;
use crate::conf::tree::{Arg, Line};
use crate::conf::value::{parse_number, parse_size};
pub use crate::http::limited::Verdict;
use crate::http::turn::Status;
use crate::log::Level;
use crate::sys::table::Shape;

/// How a zone is divided: two values for each client, and one to spare.
const SHAPE: Shape = Shape { own: 0, values: 3 };

/// The smallest zone that makes sense: eight pages.
const SMALLEST: u64 = 8 * 4096;

/// `zone=name:size`
fn zone_parameter(line: &Line, arg: &Arg) -> Result<Option<(String, u64)>, ConfError> {
    let Some(value) = arg.after("zone=") else { return Ok(None) };
    let invalid = || line.err(format_args!("invalid zone size \"{arg}\""));
    let text = std::str::from_utf8(value).map_err(|_| invalid())?;
    let (name, size) = text.split_once(':').ok_or_else(invalid)?;
    let size = parse_size(size.as_bytes()).ok_or_else(invalid)?;
    if size < SMALLEST {
        return Err(line.err(format_args!("zone \"{arg}\" is too small")));
    }
    Ok(Some((name.to_owned(), size)))
}

crate::settings! {
    /// What is done about requests that are too many.
    #[derive(Debug)]
    pub struct Refusal: Location {
        /// `limit_…_log_level`
        pub log_level: Level = Level::Error,
        /// `limit_…_status`
        pub status: u16 = 503,
        /// `limit_…_dry_run`
        pub dry_run: bool = false,
    }
}

impl Refusal {
    /// Behind the verb of a message.
    fn dry(&self) -> &'static str {
        if *self.dry_run { ", dry run" } else { "" }
    }

    /// Refuses a request, or lets it pass and remembers that it would have been refused.
    fn refuse(&self, verdict: &mut Verdict) -> Status {
        if *self.dry_run {
            *verdict = Verdict::RejectedDryRun;
            return Status::Declined;
        }
        *verdict = Verdict::Rejected;
        Status::Http(*self.status)
    }
}

/// The configuration of a limit, of which a part is about refusals.
trait Refuses: Conf {
    fn refusal(&mut self) -> &mut Refusal;
}

const fn log_level<T: Refuses>(name: &'static str, doc: &'static str) -> Directive {
    Directive::of(name, LEVELS, Args::Exactly(1)).default("error").doc(doc).set(|cx, line| {
        let levels = [
            ("info", Level::Info),
            ("notice", Level::Notice),
            ("warn", Level::Warn),
            ("error", Level::Error),
        ];
        line.choice(&mut cx.conf::<T>().refusal().log_level, &levels)
    })
}

const fn status<T: Refuses>(name: &'static str) -> Directive {
    let row = Directive::of(name, LEVELS, Args::Exactly(1)).default("503");
    row.doc("The status of refused requests.").set(|cx, line| {
        let setting = &mut cx.conf::<T>().refusal().status;
        line.refuse_duplicate(setting.is_set())?;
        let code = parse_number(line.arg(0)?).ok_or_else(|| line.directive_err("invalid number"))?;
        match u16::try_from(code) {
            Ok(code @ 400..=599) => setting.set(code),
            Ok(..400) => return Err(line.directive_err("value must be equal to or greater than 400")),
            _ => return Err(line.directive_err("value must be equal to or less than 599")),
        }
        Ok(())
    })
}

const fn dry_run<T: Refuses>(name: &'static str, doc: &'static str) -> Directive {
    let row = Directive::of(name, LEVELS, Args::Flag).default("off").doc(doc);
    row.set(|cx, line| line.flag(&mut cx.conf::<T>().refusal().dry_run))
}

/// A zone cannot be used for two things at once.
fn already_bound(line: &Line, name: &str, key: &str, _: &Cx) -> ConfError {
    line.err(format_args!("{} \"{name}\" is already bound to key \"{key}\"", line.name))
}
