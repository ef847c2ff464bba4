//! The blocks: `http`, `server`, `location`, `upstream`, while the file is being read.
//!
//! *In nginx* `ngx_http_block`, `ngx_http_core_server`, `ngx_http_core_location`,
//! `ngx_http_merge_servers`, `ngx_http_merge_locations`, `ngx_http_optimize_servers`.
//!
//! *Here* reading and finishing are apart. While the file is read, a block's sets are kept as a draft in
//! the level around it. When it has been read, [`finish`](super::finish) merges from the outside in, freezes
//! every level, and sorts servers under addresses.
//!
//! ```text
//!   http { server { location {} } }     CoreMain.servers[ ServerDraft { drafts[ LocationDraft ] } ]
//!   finish: http ⇒ server ⇒ location ⇒ inner location … freeze ─▶ Rc<Server>, Rc<Location> ─▶ HttpCycle
//! ```
//!
//! *Read next*: `cycle.rs`.

use super::conf::{CoreLocation, CoreMain, LocationDraft, ServerDraft};
use super::location::LocationKind;
use super::vars::VarRegex;
use crate::buf::Slice;
use crate::conf::build::{Cx, Sets};
use crate::conf::directive::{HTTP, LOCATION, SERVER, UPSTREAM};
use crate::conf::error::ConfError;
use crate::conf::merge::{Conf, Scope};
use crate::conf::tree::Line;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

/// `http {}` after it has been read and before it is finished; kept at the main level.
#[derive(Default)]
pub struct HttpDraft {
    /// The sets of the block.
    pub sets: Option<Sets>,
}

impl Conf for HttpDraft {
    const SCOPE: Scope = Scope::Process;
    crate::conf_slot!();
}

/// Sets `http {}`.
///
/// # Errors
/// Those of what is inside; a second block.
pub fn http(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    if cx.conf::<HttpDraft>().sets.is_some() {
        return Err(line.err("\"http\" directive is duplicate"));
    }
    let mut sets = cx.block(line, HTTP, &[Scope::Http, Scope::Server, Scope::Location])?;
    sets.get_mut::<CoreMain>().access_log = Some(cx.path(b"logs/access.log"));
    cx.conf::<HttpDraft>().sets = Some(sets);
    Ok(())
}

/// Sets `server {}`.
///
/// # Errors
/// Those of what is inside.
pub fn server(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let sets = cx.block(line, SERVER, &[Scope::Server, Scope::Location])?;
    cx.conf::<CoreMain>().servers.push(ServerDraft { sets, place: line.at.clone() });
    Ok(())
}

/// Sets `upstream {}`: its sets are kept for the balancers.
///
/// # Errors
/// Those of what is inside; a second block of the same name.
pub fn upstream(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let name = line.arg(0)?.as_str()?.to_owned();
    let sets = cx.block(line, UPSTREAM, &[Scope::Upstream])?;
    let main = cx.conf::<CoreMain>();
    if main.upstreams.iter().any(|(other, ..)| other.eq_ignore_ascii_case(&name)) {
        return Err(line.err(format_args!("duplicate upstream \"{name}\"")));
    }
    main.upstreams.push((name, sets, line.end.clone()));
    Ok(())
}

/// Sets `location {}`.
///
/// # Errors
/// Those of what is inside; a location that cannot be, or cannot be here.
pub fn location(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let (kind, name) = location_name(cx, line)?;
    check_nesting(cx, line, &kind, &name)?;
    let draft = open_location(cx, line, kind, name, LOCATION)?;
    cx.conf::<CoreLocation>().drafts.push(draft);
    Ok(())
}

thread_local! {
    /// The locations that are open, from the outside in: a location needs the one around it for its checks.
    static OPEN: RefCell<Vec<(LocationKind, Slice)>> = const { RefCell::new(Vec::new()) };
}

/// Reads a block as a location of its own (also `if` and `limit_except`) and gives it back as a draft.
///
/// # Errors
/// Those of what is inside.
pub fn open_location(
    cx: &mut Cx,
    line: &Line,
    kind: LocationKind,
    name: Slice,
    context: crate::conf::directive::Contexts,
) -> Result<LocationDraft, ConfError> {
    OPEN.with(|open| open.borrow_mut().push((kind.clone(), name.clone())));
    let sets = cx.block(line, context, &[Scope::Location]);
    OPEN.with(|open| open.borrow_mut().pop());
    let mut sets = sets?;
    let core = sets.get_mut::<CoreLocation>();
    core.kind = kind.clone();
    core.name = name.clone();
    Ok(LocationDraft { kind, name, sets, place: line.at.clone(), cell: Rc::new(OnceCell::new()) })
}

/// The location that is being read: its kind and name. The server level outside of one.
pub fn open_location_name() -> (LocationKind, Slice) {
    OPEN.with(|open| {
        let open = open.borrow();
        // An `if` inside a location goes by the name of the location.
        let named = open.iter().rev().find(|(kind, _)| !matches!(kind, LocationKind::Unnamed));
        named.cloned().unwrap_or_default()
    })
}

fn location_name(cx: &mut Cx, line: &Line) -> Result<(LocationKind, Slice), ConfError> {
    let first = line.arg(0)?.bytes().to_vec();
    let regex = |cx: &mut Cx, pattern: &[u8], caseless| {
        VarRegex::compile(cx, line, pattern, caseless).map(LocationKind::Regex)
    };
    if let Some(second) = line.args.get(1) {
        let name = Slice::copy(second.bytes());
        let kind = match &first[..] {
            b"=" => LocationKind::Exact,
            b"^~" => LocationKind::PrefixOnly,
            b"~" => regex(cx, &name, false)?,
            b"~*" => regex(cx, &name, true)?,
            other => {
                let other = String::from_utf8_lossy(other);
                return Err(line.err(format_args!("invalid location modifier \"{other}\"")));
            }
        };
        return Ok((kind, name));
    }
    Ok(match &first[..] {
        [b'=', rest @ ..] => (LocationKind::Exact, Slice::copy(rest)),
        [b'^', b'~', rest @ ..] => (LocationKind::PrefixOnly, Slice::copy(rest)),
        [b'~', b'*', rest @ ..] => (regex(cx, rest, true)?, Slice::copy(rest)),
        [b'~', rest @ ..] => (regex(cx, rest, false)?, Slice::copy(rest)),
        [b'@', ..] => (LocationKind::Named, Slice::copy(&first)),
        name => (LocationKind::Prefix, Slice::copy(name)),
    })
}

fn check_nesting(cx: &mut Cx, line: &Line, kind: &LocationKind, name: &Slice) -> Result<(), ConfError> {
    if cx.context() != LOCATION {
        return Ok(());
    }
    let (outer_kind, outer) = open_location_name();
    match (&outer_kind, kind) {
        (LocationKind::Exact, _) => {
            Err(line.err(format_args!("location \"{name}\" cannot be inside the exact location \"{outer}\"")))
        }
        (LocationKind::Named, _) => {
            Err(line.err(format_args!("location \"{name}\" cannot be inside the named location \"{outer}\"")))
        }
        (_, LocationKind::Named) => {
            Err(line.err(format_args!("named location \"{name}\" can be on the server level only")))
        }
        (LocationKind::Regex(_), _) | (_, LocationKind::Regex(_)) => Ok(()),
        _ if !name.starts_with(&outer) => {
            Err(line.err(format_args!("location \"{name}\" is outside location \"{outer}\"")))
        }
        _ => Ok(()),
    }
}
