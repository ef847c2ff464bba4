//! From lines to steps.
//!
//! *In nginx* the setters of `ngx_http_rewrite_module`, which lay structs behind each other in an array of
//! bytes.
//!
//! *Here* each setter appends one [`Op`] to the program of the level it stands in. The block of an `if` is
//! read as an unnamed location; its steps are then taken out of that level and put into the step of the `if`.
//!
//! *Read next*: `program.rs`.

use super::RewriteConf;
use super::condition::Condition;
use super::program::{Op, Rewrite, Then};
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{LOCATION_IF, SERVER, SERVER_IF};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::conf::value::parse_number;
use crate::http::block;
use crate::http::conf::CoreLocation;
use crate::http::location::LocationKind;
use crate::http::logging;
use crate::http::vars::{self, Definition, Template, VarRegex, definition};
use crate::log::Level;

fn push(cx: &mut Cx, op: Op) {
    cx.conf::<RewriteConf>().program.push(op);
}

/// Sets `set`.
pub fn set(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let name = line.arg(0)?.bytes();
    let bare = String::from_utf8_lossy(name.strip_prefix(b"$").unwrap_or_default()).into_owned();
    let variable = vars::declare_weak(cx, line, name, uninitialized(bare))?;
    let value = Template::compile(cx, line, line.arg(1)?)?;
    push(cx, Op::Set(variable, value));
    Ok(())
}

/// The variable before any `set` has run.
fn uninitialized(name: String) -> Definition {
    let get = move |x: &mut crate::http::exchange::Exchange, r, io: &mut crate::http::io::Io| {
        let level = x[r].loc.clone();
        if *level.confs.get::<RewriteConf>().uninitialized_variable_warn {
            let text = format_args!("using uninitialized \"{name}\" variable");
            logging::log(x, r, io, Level::Warn, None, text);
        }
        Some(Slice::EMPTY)
    };
    definition(get).changeable()
}

/// Sets `break`.
pub fn break_(cx: &mut Cx, _: &Line) -> Result<(), ConfError> {
    push(cx, Op::Break);
    Ok(())
}

/// Whether a text is a URL of its own rather than a path.
fn is_absolute(text: &[u8]) -> bool {
    [&b"http://"[..], b"https://", b"$scheme"].iter().any(|start| text.starts_with(start))
}

/// Sets `return`.
pub fn return_(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let first = line.arg(0)?;
    let (code, text) = match (parse_number(first), line.args.get(1)) {
        (None, None) if is_absolute(first) => (302, Some(first)),
        (Some(code @ 0..=999), text) => (code as u16, text),
        _ => return Err(line.err(format_args!("invalid return code \"{first}\""))),
    };
    let text = text.map(|text| Template::compile(cx, line, text)).transpose()?;
    push(cx, Op::Return(code, text));
    Ok(())
}

/// Sets `rewrite`.
pub fn rewrite(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let regex = VarRegex::compile(cx, line, line.arg(0)?, false)?;
    let target = line.arg(1)?.bytes();
    if target.is_empty() {
        return Err(line.err("empty replacement"));
    }
    let (target, keep_args) = match target.strip_suffix(b"?") {
        Some(rest) => (rest, false),
        None => (target, true),
    };
    let then = match line.args.get(2) {
        Some(flag) => match flag.bytes() {
            b"last" => Then::Last,
            b"break" => Then::Break,
            b"redirect" => Then::Redirect(302),
            b"permanent" => Then::Redirect(301),
            _ => return Err(line.err(format_args!("invalid parameter \"{flag}\""))),
        },
        None => Then::GoOn,
    };
    let then = match then {
        Then::GoOn | Then::Last if is_absolute(target) => Then::Redirect(302),
        // NGINX: so does `break`, whose own effect is then not seen.
        Then::Break if is_absolute(target) => Then::Redirect(302),
        other => other,
    };
    let mark = target.iter().position(|b| *b == b'?');
    let split = mark.filter(|_| !matches!(then, Then::Redirect(_)));
    let (path, args) = match split {
        Some(at) => (target.get(..at).unwrap_or_default(), target.get(at + 1..)),
        None => (target, None),
    };
    let path = Template::compile(cx, line, path)?;
    let args = args.map(|args| Template::compile(cx, line, args)).transpose()?;
    let rewrite = Rewrite { regex, path, args, has_args: mark.is_some(), keep_args, then };
    push(cx, Op::Rewrite(rewrite));
    Ok(())
}

/// Sets `if`.
pub fn if_(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let condition = Condition::read(cx, line)?;
    let of_server = cx.context() == SERVER;
    let context = if of_server { SERVER_IF } else { LOCATION_IF };
    let mut draft = block::open_location(cx, line, LocationKind::Unnamed, Slice::EMPTY, context)?;
    let block = std::mem::take(&mut draft.sets.get_mut::<RewriteConf>().program);
    let level = (!of_server).then(|| draft.cell.clone());
    // The level is finished with its siblings, whether it will be entered or not: its errors are errors.
    cx.conf::<CoreLocation>().drafts.push(draft);
    push(cx, Op::If(condition, level, block));
    Ok(())
}
