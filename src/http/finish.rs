//! Finishing: from the drafts of blocks to a cycle that can serve.
//!
//! *In nginx* the second half of `ngx_http_block`: `ngx_http_merge_servers`, `ngx_http_merge_locations`,
//! `ngx_http_init_locations`, `ngx_http_optimize_servers`.
//!
//! *Here* one pass from the outside in. Every level takes what it did not set itself from the level
//! around it, is frozen, and becomes a [`Server`] or a [`Location`]; then servers are sorted under the
//! addresses they listen on.
//!
//! ```text
//!   http ⇒ server ⇒ location ⇒ inner location …   freeze ─▶ Rc<Server>, Rc<Location> ─▶ HttpCycle
//! ```
//!
//! *Read next*: `cycle.rs`.

use super::conf::{CoreLocation, CoreMain, CoreServer, Location, LocationDraft, ServerDraft};
use super::cycle::{HttpCycle, ListenAddress};
use super::listen;
use super::location::{LocationKind, LocationTree};
use super::module::{HttpModule, TempPathOf};
use super::phases::Engine;
use super::server::{Names, Server, ServerName};
use super::ssl::conf::SslServer;
use super::upstream_conf::Passes;
use super::vars::{Template, VarNames, VarTable};
use crate::buf::Slice;
use crate::buf::temp_file::TempPath;
use crate::conf::build::Sets;
use crate::conf::core_conf::Core;
use crate::conf::error::ConfError;
use crate::conf::error_log::ErrorLog;
use crate::conf::merge::{Confs, Scope};
use crate::log::Targets;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

/// Makes a cycle of what was read. `process` is the main level, `log` its error log.
///
/// # Errors
/// What only shows when everything has been read: unknown variables, duplicate locations and servers.
pub fn finish(
    modules: &[&'static HttpModule],
    http: &mut Sets,
    process: Confs,
    log: &Targets,
    prefix: &Path,
) -> Result<HttpCycle, ConfError> {
    // Modules first: what they make of their lines (groups, zones, formats) levels may inherit.
    for after in modules.iter().filter_map(|module| module.after) {
        after(http)?;
    }
    let drafts = std::mem::take(&mut http.get_mut::<CoreMain>().servers);
    // All names that any line used are known now, so each variable has its number for good.
    let vars = build_vars(modules, http)?;
    let temp_path_of = modules.iter().filter_map(|module| module.temp_path).collect();
    let engine = Engine::build(modules);
    let (temp_paths, locations) = (Vec::new(), Vec::new());
    let mut finisher = Finisher { log, prefix, engine: &engine, temp_path_of, temp_paths, locations };
    let mut servers = Vec::new();
    let mut listens = Vec::new();
    for (number, draft) in drafts.into_iter().enumerate() {
        let (server, of_server) = finisher.server(http, draft, number)?;
        listens.extend(of_server.into_iter().map(|listen| (listen, server.clone())));
        servers.push(server);
    }
    let locations = finisher.locations;
    let temp_paths = finisher.temp_paths;
    if process.get::<Core>().own_processors().is_none()
        && let Some((listen, _)) = listens.iter().find(|(listen, _)| listen.socket.by_processor)
    {
        let text = "\"reuseport=cpu\" needs \"worker_cpu_affinity\" to give each worker one processor";
        return Err(ConfError::at(text, &listen.place));
    }
    Ok(HttpCycle {
        main: http.take(Scope::Http).freeze(),
        process,
        prefix: prefix.to_owned(),
        addresses: addresses(listens)?,
        servers,
        locations,
        phases: engine,
        vars,
        temp_paths,
        error_log: log.clone(),
    })
}

/// The table of variables: those of the modules, and those that lines of the file defined.
fn build_vars(modules: &[&'static HttpModule], http: &mut Sets) -> Result<VarTable, ConfError> {
    let mut builtin = Vec::new();
    let mut families = Vec::new();
    for module in modules {
        builtin.extend(module.variables.map(|variables| variables()).unwrap_or_default());
        families.extend(module.families.iter());
    }
    let mut defined = std::mem::take(http.get_mut::<VarNames>());
    VarTable::build(http.get_mut::<crate::conf::template::Names>(), &mut defined, builtin, families)
}

/// What is needed on the way from level to level, and what is collected on it.
struct Finisher<'a> {
    /// For levels without an `error_log` of their own.
    log: &'a Targets,
    prefix: &'a Path,
    engine: &'a Engine,
    temp_path_of: Vec<TempPathOf>,
    /// Folders to be made before workers start, each once.
    temp_paths: Vec<TempPath>,
    /// All locations of all servers, for those who have to visit each.
    locations: Vec<Rc<Location>>,
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
        // From the outside in: a level is complete before those inside it take from it.
        sets.set_mut(Scope::Server).merge(http.set_mut(Scope::Server)).map_err(at)?;
        sets.set_mut(Scope::Location).merge(http.set_mut(Scope::Location)).map_err(at)?;
        let core = sets.get_mut::<CoreServer>();
        let mut listens = std::mem::take(&mut core.listens);
        if listens.is_empty() {
            listens.push(listen::default_listen(&place, crate::sys::user::is_root()));
        }
        // The server for requests that name no host.
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
        sets.get_mut::<SslServer>().prepare().map_err(at)?;
        let confs = sets.take(Scope::Server).freeze();
        let root = self.freeze(LocationKind::Server, Slice::EMPTY, &mut sets, inner).map_err(at)?;
        let core = confs.rc::<CoreServer>();
        Ok((Rc::new(Server { confs, core, root, named, name, number, place }), listens))
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
            // `= /a` and `/a` may stand side by side; two of one kind may not. Regular expressions may
            // repeat.
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
            let location = location.map_err(|text| ConfError::at(text, &place))?;
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
    ) -> Result<Rc<Location>, String> {
        self.resolve_paths(sets);
        sets.get::<Passes>().passing().try_for_each(|conf| conf.prepare())?;
        let confs = sets.take(Scope::Location).freeze();
        let core = confs.rc::<CoreLocation>();
        let error_log = confs.get::<ErrorLog>().targets().unwrap_or(self.log).clone();
        let location =
            Rc::new(Location { kind, name, steps: self.engine.steps(&confs), confs, core, error_log, inner });
        self.locations.push(location.clone());
        Ok(location)
    }

    /// Defaults that are relative become full names: the prefix is known only now.
    fn resolve_paths(&mut self, sets: &mut Sets) {
        for temp_path_of in &self.temp_path_of {
            let path = temp_path_of(sets).edit();
            path.folder = self.prefix.join(&path.folder);
            if !self.temp_paths.contains(path) {
                self.temp_paths.push(path.clone());
            }
        }
        for path in sets.get::<Passes>().temp_paths() {
            if !self.temp_paths.contains(path) {
                self.temp_paths.push(path.clone());
            }
        }
        let core = sets.get_mut::<CoreLocation>();
        if let Some(root) = core.root.as_constant() {
            let full = self.prefix.join(OsStr::from_bytes(root));
            *core.root.edit() = Template::Constant(Slice::copy(full.as_os_str().as_bytes()));
        }
    }
}

/// `.example.com` means the name and all below it; shown is the name.
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
                    is_alone: true,
                    proxy_protocol: false,
                    ssl: false,
                });
                chosen.push(false);
                all.len() - 1
            }
        };
        let (Some(address), Some(chosen)) = (all.get_mut(at), chosen.get_mut(at)) else { continue };
        // A regular expression has captures to be kept, whichever server it leads to.
        let has_regex = server.core.names.iter().any(|name| matches!(name, ServerName::Regex(_)));
        address.is_alone &= !has_regex && Rc::ptr_eq(&address.default_server, &server);
        if listen.default_server {
            if *chosen {
                let text = format_args!("a duplicate default server for {}", listen.socket.address);
                return Err(ConfError::at(text, &listen.place));
            }
            *chosen = true;
            address.default_server = server.clone();
        }
        // Several servers may share a socket; the one line that has options speaks for it.
        if listen.has_options {
            address.listen = listen.socket.clone();
        }
        address.proxy_protocol |= listen.proxy_protocol;
        address.ssl |= listen.ssl;
        for name in &server.core.names {
            address.names.add(name, &server);
        }
    }
    for address in all.iter().filter(|address| address.ssl) {
        if !address.default_server.confs.get::<SslServer>().is_usable() {
            let text = "no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive";
            let place = address.default_server.place.clone();
            return Err(ConfError::at(text, &place));
        }
    }
    Ok(all)
}
