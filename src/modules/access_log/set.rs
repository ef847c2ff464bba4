//! The setters of the access log's directives.
//!
//! *In nginx* `ngx_http_log_set_format`, `ngx_http_log_set_log`, `ngx_http_log_open_file_cache`.
//!
//! *Here* the same checks with the same words: a format must have been named before it is used, a buffer
//! belongs to a file and not to a line, and neither a syslog server nor a name with variables can have one.
//!
//! *Read next*: `sink.rs`.

use super::format::{Escape, Format};
use super::opened::OpenLogs;
use super::sink::{self, Buffering};
use super::{COMBINED, Log, LogLocation, LogMain, Target};
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::error::ConfError;
use crate::conf::template::{Names, Template};
use crate::conf::tree::{Arg, Line};
use crate::conf::value::{parse_msec, parse_number, parse_sec, parse_size};
use crate::log::syslog::Syslog;
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;

/// How large a compressed buffer is when nobody says.
const GZIP_BUFFER: u64 = 64 * 1024;
/// How much a parameter's number may be at most.
const LARGEST: u64 = i32::MAX as u64;

/// `log_format`
pub(super) fn log_format(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let name = line.arg(0)?;
    let known = cx.conf::<LogMain>().formats.iter().any(|(other, _)| **other == *name.bytes());
    if known || name.is("combined") {
        return Err(line.err(format_args!("duplicate \"log_format\" name \"{name}\"")));
    }
    let mut texts = line.args.get(1..).unwrap_or_default();
    let mut escape = Escape::Default;
    if let Some((first, rest)) = texts.split_first()
        && let Some(how) = first.after("escape=")
    {
        escape = match how {
            b"default" => Escape::Default,
            b"json" => Escape::Json,
            b"none" => Escape::None,
            _ => {
                let how = String::from_utf8_lossy(how);
                return Err(line.err(format_args!("unknown log format escaping \"{how}\"")));
            }
        };
        texts = rest;
    }
    let text: Vec<u8> = texts.iter().flat_map(|arg| arg.bytes()).copied().collect();
    let format = Format::compile(cx.conf::<Names>(), escape, &text).map_err(|error| line.err(error))?;
    cx.conf::<LogMain>().formats.push((Slice::copy(name), Rc::new(format)));
    Ok(())
}

/// The format of that name; the usual one is made when it is first used.
fn format_of(cx: &mut Cx, line: &Line, name: &[u8]) -> Result<Rc<Format>, ConfError> {
    let known = cx.conf::<LogMain>().formats.iter().find(|(other, _)| **other == *name);
    if let Some((_, format)) = known {
        return Ok(format.clone());
    }
    if name != b"combined" {
        let name = String::from_utf8_lossy(name);
        return Err(line.err(format_args!("unknown log format \"{name}\"")));
    }
    let format = Format::compile(cx.conf::<Names>(), Escape::Default, COMBINED);
    let format = Rc::new(format.map_err(|error| line.err(error))?);
    cx.conf::<LogMain>().formats.push((Slice::copy(name), format.clone()));
    Ok(format)
}

/// What stands behind the format's name.
#[derive(Default)]
struct Parameters {
    size: u64,
    flush_ms: Option<u64>,
    gzip: Option<u32>,
    condition: Option<Template>,
}

impl Parameters {
    fn take(&mut self, cx: &mut Cx, line: &Line, arg: &Arg) -> Result<(), ConfError> {
        if let Some(size) = arg.after("buffer=") {
            let size = parse_size(size).filter(|size| (1..=LARGEST).contains(size));
            self.size = size.ok_or_else(|| line.err(format_args!("invalid buffer size \"{arg}\"")))?;
        } else if let Some(time) = arg.after("flush=") {
            let time = parse_msec(time).filter(|ms| *ms != 0);
            self.flush_ms = Some(time.ok_or_else(|| line.err(format_args!("invalid flush time \"{arg}\"")))?);
        } else if arg.is("gzip") {
            self.gzip = Some(1);
        } else if let Some(level) = arg.after("gzip=") {
            let level = parse_number(level).filter(|level| (1..=9).contains(level));
            let level = level.ok_or_else(|| line.err("invalid compression level"))?;
            self.gzip = Some(level as u32);
        } else if let Some(condition) = arg.after("if=") {
            self.condition = Some(Template::compile(cx, line, condition)?);
        } else {
            return Err(arg.invalid_parameter(&["buffer=", "flush=", "gzip", "gzip=", "if="]));
        }
        Ok(())
    }

    /// How the file is buffered, if at all.
    fn buffering(&self, line: &Line, name: &Arg) -> Result<Option<Buffering>, ConfError> {
        let size = if self.gzip.is_some() && self.size == 0 { GZIP_BUFFER } else { self.size };
        if size == 0 && self.flush_ms.is_some() {
            return Err(line.err(format_args!("no buffer is defined for access_log \"{name}\"")));
        }
        let buffering = Buffering { size: size as usize, flush_ms: self.flush_ms, gzip: self.gzip };
        Ok((size != 0).then_some(buffering))
    }
}

/// `access_log`
pub(super) fn access_log(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let name = line.arg(0)?;
    if name.is("off") {
        cx.conf::<LogLocation>().logs.set(Rc::new(Vec::new()));
        return match line.args.get(1) {
            None => Ok(()),
            Some(more) => Err(line.err(format_args!("invalid parameter \"{more}\""))),
        };
    }
    let format = match line.args.get(1) {
        Some(format) => format_of(cx, line, format)?,
        None => format_of(cx, line, b"combined")?,
    };
    let mut parameters = Parameters::default();
    for arg in line.args.get(2..).unwrap_or_default() {
        parameters.take(cx, line, arg)?;
    }
    let buffering = parameters.buffering(line, name)?;
    let target = target(cx, line, name, buffering)?;
    let log = Log { format, target, condition: parameters.condition };
    let logs = &mut cx.conf::<LogLocation>().logs;
    let mut list = if logs.is_set() { Vec::clone(logs) } else { Vec::new() };
    list.push(log);
    logs.set(Rc::new(list));
    Ok(())
}

fn target(cx: &mut Cx, line: &Line, name: &Arg, buffering: Option<Buffering>) -> Result<Target, ConfError> {
    if let Some(settings) = name.after("syslog:") {
        if buffering.is_some() {
            return Err(line.err("logs to syslog cannot be buffered"));
        }
        let settings = String::from_utf8_lossy(settings);
        let syslog = Syslog::parse(&settings).map_err(|error| line.err(error))?;
        return Ok(Target::Syslog(Rc::new(syslog)));
    }
    let path = cx.path(name);
    if name.contains(&b'$') {
        if buffering.is_some() {
            return Err(line.err("buffered logs cannot have variables in name"));
        }
        return Ok(Target::Path(Template::compile(cx, line, path.as_os_str().as_bytes())?));
    }
    let sink = sink::of(cx.conf::<LogMain>(), path);
    if let Some(wanted) = buffering
        && *sink.buffering.get_or_init(|| wanted) != wanted
    {
        let text = format_args!("access_log \"{name}\" already defined with conflicting parameters");
        return Err(line.err(text));
    }
    Ok(Target::File(sink))
}

/// `open_log_file_cache`
pub(super) fn open_log_file_cache(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let (mut max, mut inactive, mut valid, mut uses) = (0, 10, 60, 1);
    let mut off = false;
    for arg in &line.args {
        let number = |text: &[u8]| parse_number(text).filter(|n| (1..=LARGEST).contains(n));
        let wrong = || line.err(format_args!("invalid \"open_log_file_cache\" parameter \"{arg}\""));
        if let Some(text) = arg.after("max=") {
            max = number(text).ok_or_else(wrong)?;
        } else if let Some(text) = arg.after("inactive=") {
            inactive = parse_sec(text).ok_or_else(wrong)?;
        } else if let Some(text) = arg.after("min_uses=") {
            uses = number(text).ok_or_else(wrong)?;
        } else if let Some(text) = arg.after("valid=") {
            valid = parse_sec(text).ok_or_else(wrong)?;
        } else if arg.is("off") {
            off = true;
        } else {
            return Err(wrong());
        }
    }
    let cache = match (off, max) {
        (true, _) => None,
        (false, 0) => return Err(line.err("\"open_log_file_cache\" must have \"max\" parameter")),
        (false, max) => Some(Rc::new(OpenLogs::new(
            max as usize,
            inactive.saturating_mul(1000),
            valid.saturating_mul(1000),
            uses,
        ))),
    };
    line.store(&mut cx.conf::<LogLocation>().cache, cache)
}
