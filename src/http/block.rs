//! The blocks: `http`, `server`, `location`, and how they become a cycle.
//!
//! *In nginx* `ngx_http_block`, `ngx_http_core_server`, `ngx_http_core_location`,
//! `ngx_http_merge_servers`, `ngx_http_merge_locations`, `ngx_http_optimize_servers`.
//!
//! *Here* reading and finishing are apart. While the file is read, a block's sets are kept as a draft in
//! the level around it. When it has been read, [`finish`] merges from the outside in, freezes every
//! level, and sorts servers under addresses.
//!
//! ```text
//!   http { server { location {} } }     CoreMain.servers[ ServerDraft{ CoreLocation.drafts[ LocationDraft ] } ]
//!   finish: http ⇒ server ⇒ location ⇒ inner location … freeze ─▶ Rc<Server>, Rc<Location> ─▶ HttpCycle
//! ```
//!
//! *Read next*: `cycle.rs`.

use super::conf::{CoreLocation, CoreMain, CoreServer, Location, LocationDraft, ServerDraft};
use super::cycle::{HttpCycle, ListenAddress};
use super::listen;
use super::location::{LocationKind, LocationTree};
use super::module::HttpModule;
use super::phases::{Engine, Registration};
use super::server::{Names, Server, ServerName};
use super::vars::{VarNames, VarRegex, VarTable};
use crate::buf::Slice;
use crate::conf::build::{Cx, Sets};
use crate::conf::directive::{HTTP, LOCATION, SERVER, UPSTREAM};
use crate::conf::error::ConfError;
use crate::conf::error_log::ErrorLog;
use crate::conf::merge::{Conf, Confs, Scope};
use crate::conf::tree::Line;
use crate::log::Targets;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
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
    let sets = cx.block(line, HTTP, &[Scope::Http, Scope::Server, Scope::Location])?;
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
    main.upstreams.push((name, sets, line.at.clone()));
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

/// Makes a cycle of what was read. `process` is the main level, `log` its error log.
///
/// # Errors
/// What only shows when everything has been read: unknown variables, duplicate locations and servers.
pub fn finish(
    modules: &[&'static HttpModule],
    http: &mut Sets,
    process: Confs,
    log: &Targets,
) -> Result<HttpCycle, ConfError> {
    for after in modules.iter().filter_map(|module| module.after) {
        after(http)?;
    }
    let drafts = std::mem::take(&mut http.get_mut::<CoreMain>().servers);
    let vars = build_vars(modules, http)?;
    let mut finisher = Finisher { log };
    let mut servers = Vec::new();
    let mut listens = Vec::new();
    for (number, draft) in drafts.into_iter().enumerate() {
        let (server, of_server) = finisher.server(http, draft, number)?;
        listens.extend(of_server.into_iter().map(|listen| (listen, server.clone())));
        servers.push(server);
    }
    let registered: Vec<Registration> =
        modules.iter().flat_map(|module| module.phases.iter().copied()).collect();
    let mut filters: Vec<_> = modules.iter().flat_map(|module| module.filters.iter().copied()).collect();
    filters.sort_by_key(|filter| filter.stage);
    Ok(HttpCycle {
        main: http.take(Scope::Http).freeze(),
        process,
        addresses: addresses(listens)?,
        servers,
        phases: Engine::build(&registered),
        header_filters: filters,
        vars,
        error_log: log.clone(),
    })
}

fn build_vars(modules: &[&'static HttpModule], http: &mut Sets) -> Result<VarTable, ConfError> {
    let mut builtin = Vec::new();
    let mut families = Vec::new();
    for module in modules {
        builtin.extend(module.variables.map(|variables| variables()).unwrap_or_default());
        families.extend(module.families.iter());
    }
    let mut defined = std::mem::take(http.get_mut::<VarNames>());
    VarTable::build(http.get_mut::<crate::conf::template::Names>(), &mut defined, builtin, families)
        .map_err(ConfError::new)
}

struct Finisher<'a> {
    log: &'a Targets,
}

impl Finisher<'_> {
    fn server(
        &mut self,
        http: &mut Sets,
        draft: ServerDraft,
        number: usize,
    ) -> Result<(Rc<Server>, Vec<listen::Listen>), ConfError> {
        let ServerDraft { mut sets, place } = draft;
        let at = |text: String| ConfError::at(text, &place);
        sets.set_mut(Scope::Server).merge(http.set_mut(Scope::Server)).map_err(at)?;
        sets.set_mut(Scope::Location).merge(http.set_mut(Scope::Location)).map_err(at)?;
        let core = sets.get_mut::<CoreServer>();
        let mut listens = std::mem::take(&mut core.listens);
        if listens.is_empty() {
            listens.push(listen::default_listen(&place, crate::sys::user::is_root()));
        }
        if core.names.is_empty() {
            core.names.push(ServerName::Plain(Slice::EMPTY));
        }
        let name = match core.names.first() {
            Some(ServerName::Plain(name)) => strip_dot(name),
            Some(ServerName::Regex(regex)) => Slice::copy(format!("~{}", regex.pattern()).as_bytes()),
            None => Slice::EMPTY,
        };
        let drafts = std::mem::take(&mut sets.get_mut::<CoreLocation>().drafts);
        let mut named = HashMap::new();
        let inner = self.locations(drafts, &mut sets, &mut named)?;
        let confs = sets.take(Scope::Server).freeze();
        let root = self.freeze(LocationKind::Server, Slice::EMPTY, &mut sets, inner);
        let core = confs.rc::<CoreServer>();
        Ok((Rc::new(Server { confs, core, root, named, name, number }), listens))
    }

    fn locations(
        &mut self,
        drafts: Vec<LocationDraft>,
        outer: &mut Sets,
        named: &mut HashMap<Vec<u8>, Rc<Location>>,
    ) -> Result<LocationTree, ConfError> {
        let mut seen: Vec<(u8, Slice)> = Vec::new();
        let mut done = Vec::new();
        for mut draft in drafts {
            let class = match draft.kind {
                LocationKind::Exact => 0,
                LocationKind::Prefix | LocationKind::PrefixOnly => 1,
                LocationKind::Named => 2,
                _ => 3,
            };
            if class < 3 && seen.contains(&(class, draft.name.clone())) {
                return Err(ConfError::at(
                    format_args!("duplicate location \"{}\"", draft.name),
                    &draft.place,
                ));
            }
            seen.push((class, draft.name.clone()));
            let place = draft.place.clone();
            let merged = draft.sets.set_mut(Scope::Location).merge(outer.set_mut(Scope::Location));
            merged.map_err(|text| ConfError::at(text, &place))?;
            let inner = std::mem::take(&mut draft.sets.get_mut::<CoreLocation>().drafts);
            let inner = self.locations(inner, &mut draft.sets, named)?;
            let location = self.freeze(draft.kind, draft.name, &mut draft.sets, inner);
            if matches!(location.kind, LocationKind::Named) {
                named.insert(location.name.to_vec(), location.clone());
            }
            // The cell is fresh: it is filled here and nowhere else.
            let _ = draft.cell.set(location.clone());
            done.push(location);
        }
        Ok(LocationTree::build(done))
    }

    fn freeze(
        &mut self,
        kind: LocationKind,
        name: Slice,
        sets: &mut Sets,
        inner: LocationTree,
    ) -> Rc<Location> {
        let confs = sets.take(Scope::Location).freeze();
        let core = confs.rc::<CoreLocation>();
        let error_log = confs.get::<ErrorLog>().targets().unwrap_or(self.log).clone();
        Rc::new(Location { kind, name, confs, core, error_log, inner })
    }
}

fn strip_dot(name: &Slice) -> Slice {
    if name.starts_with(b".") { name.slice(1..name.len()) } else { name.clone() }
}

/// Sorts servers under addresses.
fn addresses(listens: Vec<(listen::Listen, Rc<Server>)>) -> Result<Vec<ListenAddress>, ConfError> {
    let mut all: Vec<ListenAddress> = Vec::new();
    let mut chosen: Vec<bool> = Vec::new();
    for (listen, server) in listens {
        let at = all.iter().position(|known| known.listen.address == listen.socket.address);
        let at = match at {
            Some(at) => at,
            None => {
                all.push(ListenAddress {
                    listen: listen.socket.clone(),
                    default_server: server.clone(),
                    names: Names::default(),
                    proxy_protocol: false,
                });
                chosen.push(false);
                all.len() - 1
            }
        };
        let (Some(address), Some(chosen)) = (all.get_mut(at), chosen.get_mut(at)) else { continue };
        if listen.default_server {
            if *chosen {
                let text = format_args!("a duplicate default server for {}", listen.socket.address);
                return Err(ConfError::at(text, &listen.place));
            }
            *chosen = true;
            address.default_server = server.clone();
        }
        if listen.has_options {
            address.listen = listen.socket.clone();
        }
        address.proxy_protocol |= listen.proxy_protocol;
        for name in &server.core.names {
            address.names.add(name, &server);
        }
    }
    Ok(all)
}
