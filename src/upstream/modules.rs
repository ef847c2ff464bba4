//! The modules of this room: one for each protocol, and the one that knows the groups.
//!
//! *In nginx* `ngx_http_upstream_module` keeps `umcf->upstreams`; each protocol is a module of its own.
//!
//! *Here* [`of`] makes the HTTP modules of any [`Protocol`]: its pass directive, the shared
//! directives under its name, and its own. That is all a protocol outside this library needs:
//!
//! ```text
//!   Program::default().speaking::<Echo>()
//! ```
//!
//! [`UPSTREAM`] is the module of `upstream` blocks: when `http {}` has been read it makes groups of them
//! and finds the group of each pass directive.
//!
//! *Read next*: `pass.rs`, `init.rs`.

use super::lines::Lines;
use super::{cache, check, directives, early, fastcgi_vars, init, pass, vars};
use crate::balance;
use crate::balance::groups::Groups;
use crate::conf::build::Sets;
use crate::conf::error::ConfError;
use crate::conf::merge::{Conf, Scope};
use crate::event::RequestIx;
use crate::http::conf::CoreMain;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::turn::Status;
use crate::http::upstream_conf::Pass;
use crate::protocol::fastcgi::FastCgi;
use crate::protocol::http1::Http1;
use crate::protocol::memcached::Memcached;
use crate::protocol::mysql::MySql;
use crate::protocol::redis::Redis;
use crate::protocol::scgi::Scgi;
use crate::protocol::tunnel::Tunnel;
use crate::protocol::uwsgi::Uwsgi;
use crate::protocol::{Kind, Protocol};
use crate::resolver;
use crate::resolver::directives::{GroupResolver, ResolverConf};
use std::rc::Rc;

/// All groups of a configuration, for names that variables make.
#[derive(Default)]
pub struct UpstreamMain {
    /// The groups.
    pub groups: Rc<Groups>,
}

impl Conf for UpstreamMain {
    const SCOPE: Scope = Scope::Http;
    crate::conf_slot!();
}

/// Pass directives that wait for their group, with the port of a host without one.
#[derive(Default)]
pub struct Waiting {
    /// In the order of the file.
    pub list: Vec<(Rc<Pass>, u16)>,
}

impl Conf for Waiting {
    const SCOPE: Scope = Scope::Http;
    crate::conf_slot!();
}

/// The module of `upstream` blocks and of the `$upstream_…` variables.
pub static UPSTREAM: HttpModule = HttpModule {
    variables: Some(|| [vars::variables(), cache::vars::variables()].into_iter().flatten().collect()),
    families: &vars::FAMILIES,
    after: Some(after),
    ..HttpModule::new(&balance::directives::MODULE)
};

/// The module of `resolver`.
pub static RESOLVER: HttpModule = HttpModule::new(&resolver::directives::MODULE);

/// All modules of this room.
pub fn modules() -> Vec<&'static HttpModule> {
    let mut all = vec![&UPSTREAM, &RESOLVER, &early::MODULE, &check::conf::MODULE];
    all.extend(of::<Http1>());
    all.extend(of::<Memcached>());
    all.extend(of::<FastCgi>());
    all.push(&fastcgi_vars::MODULE);
    all.extend(of::<MySql>());
    all.extend(of::<Redis>());
    all.extend(of::<Scgi>());
    all.extend(of::<Tunnel>());
    all.extend(of::<Uwsgi>());
    all
}

/// The modules of a protocol: the shared directives under its name, and its own ones. Made once, when a
/// program is put together, and kept for the life of the process.
pub fn of<P: Protocol>() -> [&'static HttpModule; 2] {
    let shared = directives::table::<P>(|cx, line| pass::set::<P>(cx, line, handler::<P>));
    [leak(HttpModule::new(shared)), leak(HttpModule::new(P::DIRECTIVES))]
}

fn leak(module: HttpModule) -> &'static HttpModule {
    Box::leak(Box::new(module))
}

/// The content handler of locations that pass to protocol `P`.
pub fn handler<P: Protocol>(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    init::begin(x, r, io, const { &Kind::of::<P>() })
}

/// Makes groups and gives each pass directive its own. Looks whether the caches that are used are there.
fn after(http: &mut Sets) -> Result<(), ConfError> {
    crate::cache::finish(http)?;
    let mut groups = Groups::default();
    let outer = http.get::<ResolverConf>();
    let http_resolver = Option::clone(&outer.servers).map(|servers| (servers, *outer.timeout));
    let blocks = std::mem::take(&mut http.get_mut::<CoreMain>().upstreams);
    for (name, mut sets, end) in blocks {
        let group = balance::directives::build(&name, &mut sets, &end)?;
        let resolver = sets.get::<GroupResolver>();
        http.get_mut::<Lines>().add(&group, resolver, http_resolver.as_ref(), &end)?;
        groups.declare(group, &end)?;
    }
    for (pass, port) in std::mem::take(&mut http.get_mut::<Waiting>().list) {
        let authority = pass.parts.authority.to_string();
        // The cell is filled here and nowhere else.
        let _ = pass.group.set(groups.locate(&authority, port, &pass.place)?);
    }
    http.get_mut::<UpstreamMain>().groups = Rc::new(groups);
    Ok(())
}
