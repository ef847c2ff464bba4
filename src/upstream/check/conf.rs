//! `health_check` and `match`: what is asked of peers, and what a good answer is.
//!
//! *In nginx* these directives belong to the commercial version; their spelling is kept.
//!
//! *Here* a `health_check` line is only noted by its location. When all of `http {}` is known, [`checks`]
//! finds the group that the location passes to and the `match` block that the line names, which may stand
//! anywhere in the file.
//!
//! ```text
//!   location / { proxy_pass http://u; health_check interval=2s match=good; }
//!       Spec ─┐            group u ─┐              match good { … } ─┐
//!             └─────────────────────┴──────────────────────────────── Check
//! ```
//!
//! DIFF: a group needs no `zone`, but for `persistent`; without one each worker asks for itself.
//!
//! *Read next*: `rules.rs`, `mod.rs`.

use super::ask::Question;
use super::rules::Rules;
use crate::balance::peers::Field;
use crate::balance::{Group, Peer};
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, HTTP, LOCATION, Module};
use crate::conf::error::{ConfError, Place};
use crate::conf::template::Names;
use crate::conf::tree::{Arg, Line};
use crate::conf::value::{parse_msec, parse_number};
use crate::event::clock;
use crate::http::cycle::HttpCycle;
use crate::http::module::HttpModule;
use crate::http::upstream_conf::{Passes, UpstreamConf};
use crate::log::Targets;
use crate::settings;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// A `health_check` line.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Between two rounds, in milliseconds.
    pub interval_ms: u64,
    /// So much more at most, by chance, in milliseconds.
    pub jitter_ms: u64,
    /// How many failures in a row take a peer out.
    pub fails: u64,
    /// How many good answers in a row bring it back.
    pub passes: u64,
    /// What is asked for.
    pub uri: Slice,
    /// The port to ask, if not that of the peer.
    pub port: Option<u16>,
    /// Peers are not asked by requests before they have passed.
    pub mandatory: bool,
    /// A peer that was well before a reload need not pass again first.
    pub persistent: bool,
    /// Being able to connect is enough.
    pub tcp: bool,
    /// How long a connection is used for one check after the other, in milliseconds; 0 for one check.
    pub keepalive_ms: u64,
    matching: Option<Arg>,
    place: Place,
}

settings! {
    /// The check of a location.
    pub struct HealthCheck: Location {
        plain {
            /// The line; not inherited.
            pub spec: Option<Spec> = None
        }
    }
}

settings! {
    /// The `match` blocks.
    pub struct Matches: Http {
        plain {
            /// By name.
            pub list: Vec<(Slice, Rc<Rules>)> = Vec::new()
        }
    }
}

/// What is asked of the peers of one group, for one location.
pub struct Check {
    /// The line.
    pub spec: Spec,
    /// Whose peers.
    pub group: Rc<Group>,
    /// What is said to them; None if connecting is all.
    pub question: Option<Question>,
    /// What a good answer is.
    pub rules: Rc<Rules>,
    /// The name of the `match` block, for the log.
    pub name: Slice,
    /// The time-outs of the location.
    pub conf: Rc<UpstreamConf>,
    /// The location's error log.
    pub log: Targets,
}

/// The module.
pub static MODULE: HttpModule = HttpModule::new(&TABLE);

static TABLE: Module = Module {
    name: "http_upstream_hc",
    directives: &[
        Directive::of("health_check", LOCATION, Args::AtLeast(0))
            .doc(
                "Asks the peers of this location now and then, and takes those out of service that do not \
                 answer well: interval= (5s), jitter=, fails= (1), passes= (1), uri= (/), port=, match=, \
                 mandatory [persistent], keepalive_time=, type=http or tcp.",
            )
            .set(health_check),
        Directive::of("match", HTTP, Args::Exactly(1))
            .block()
            .doc(
                "What a good answer to a health check is: status, header, body and require lines, all of \
                 which must hold.",
            )
            .set(match_block),
    ],
};

const KNOWN: &[&str] = &[
    "interval=",
    "jitter=",
    "fails=",
    "passes=",
    "uri=",
    "port=",
    "match=",
    "type=",
    "mandatory",
    "persistent",
    "keepalive_time=",
];

fn health_check(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    line.refuse_duplicate(cx.conf::<HealthCheck>().spec.is_some())?;
    let mut spec = Spec {
        interval_ms: 5000,
        jitter_ms: 0,
        fails: 1,
        passes: 1,
        uri: "/".into(),
        port: None,
        mandatory: false,
        persistent: false,
        tcp: false,
        keepalive_ms: 0,
        matching: None,
        place: line.at.clone(),
    };
    for arg in &line.args {
        parameter(&mut spec, arg)?;
    }
    if spec.tcp && spec.matching.is_some() {
        return Err(line.err("\"match\" has no meaning for a health check of type \"tcp\""));
    }
    cx.conf::<HealthCheck>().spec = Some(spec);
    Ok(())
}

fn parameter(spec: &mut Spec, arg: &Arg) -> Result<(), ConfError> {
    let wrong = || arg.invalid_parameter(KNOWN);
    let positive = |text: &[u8]| parse_number(text).filter(|n| *n > 0).ok_or_else(wrong);
    let refused = |why: &str| Err(ConfError::at(format_args!("\"{arg}\" {why}"), arg.at()));
    if let Some(text) = arg.after("interval=") {
        spec.interval_ms = parse_msec(text).filter(|ms| *ms > 0).ok_or_else(wrong)?;
    } else if let Some(text) = arg.after("jitter=") {
        spec.jitter_ms = parse_msec(text).ok_or_else(wrong)?;
    } else if let Some(text) = arg.after("fails=") {
        spec.fails = positive(text)?;
    } else if let Some(text) = arg.after("passes=") {
        spec.passes = positive(text)?;
    } else if let Some(text) = arg.after("uri=") {
        let is_path = text.starts_with(b"/") && text.iter().all(|b| b.is_ascii_graphic());
        spec.uri = is_path.then(|| Slice::copy(text)).ok_or_else(wrong)?;
    } else if let Some(text) = arg.after("port=") {
        let port = positive(text)?;
        spec.port = Some(u16::try_from(port).map_err(|_| wrong())?);
    } else if arg.after("match=").is_some() {
        spec.matching = Some(arg.clone());
    } else if let Some(text) = arg.after("type=") {
        spec.tcp = match text {
            b"http" => false,
            b"tcp" => true,
            b"grpc" => return refused("is not supported: there is no gRPC here"),
            _ => return refused("is not supported: the type is http or tcp"),
        };
    } else if arg.is("mandatory") {
        spec.mandatory = true;
    } else if arg.is("persistent") && spec.mandatory {
        spec.persistent = true;
    } else if arg.is("persistent") {
        return refused("has to stand behind \"mandatory\"");
    } else if let Some(text) = arg.after("keepalive_time=") {
        spec.keepalive_ms = parse_msec(text).ok_or_else(wrong)?;
    } else if arg.after("grpc_service=").or(arg.after("grpc_status=")).is_some() {
        return refused("is not supported: there is no gRPC here");
    } else {
        return Err(wrong());
    }
    Ok(())
}

fn match_block(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let name = Slice::copy(line.arg(0)?);
    let list = &mut cx.conf::<Matches>().list;
    if list.iter().any(|(known, _)| *known == name) {
        return Err(line.err(format_args!("duplicate match \"{name}\"")));
    }
    list.push((name, Rc::new(Rules::read(line)?)));
    Ok(())
}

/// The checks of a configuration.
///
/// # Errors
/// A location that passes nowhere, or to where only a request can say; an unknown `match`.
pub fn checks(cycle: &HttpCycle) -> Result<Vec<Check>, ConfError> {
    let mut all = Vec::new();
    for location in &cycle.locations {
        let Some(spec) = &location.confs.get::<HealthCheck>().spec else { continue };
        let passes = location.confs.get::<Passes>();
        let fault = |text: &str| ConfError::at(text, &spec.place);
        let conf = match spec.tcp {
            true => passes.passing().next(),
            false => passes.get("proxy").filter(|conf| conf.pass.is_some()),
        };
        let none = "\"health_check\" needs a \"proxy_pass\" in the same location";
        let conf = conf.ok_or_else(|| fault(none))?;
        let pass = conf.pass.as_ref().ok_or_else(|| fault(none))?;
        let group = pass.group.get();
        let group = group.ok_or_else(|| fault("\"health_check\" cannot know peers that variables name"))?;
        let (rules, name) = rules(cycle, spec)?;
        if spec.persistent && !group.is_shared() {
            return Err(fault("\"persistent\" needs a \"zone\" in the upstream: it outlives the workers"));
        }
        let stays = spec.keepalive_ms > 0;
        let names = cycle.main.get::<Names>();
        let question = match spec.tcp {
            true => None,
            false => {
                let question = Question::of(&location.confs, names, pass, &spec.uri, stays);
                Some(question.ok_or_else(|| fault("\"health_check\" cannot write its request"))?)
            }
        };
        all.push(Check {
            spec: spec.clone(),
            group: group.clone(),
            question,
            rules,
            name,
            conf: conf.clone(),
            log: location.error_log.clone(),
        });
    }
    Ok(all)
}

fn rules(cycle: &HttpCycle, spec: &Spec) -> Result<(Rc<Rules>, Slice), ConfError> {
    let Some(arg) = &spec.matching else { return Ok((Rc::default(), Slice::EMPTY)) };
    let name = arg.after("match=").unwrap_or_default();
    let found = cycle.main.get::<Matches>().list.iter().find(|(known, _)| &**known == name);
    match found {
        Some((name, rules)) => Ok((rules.clone(), name.clone())),
        None => {
            let name = String::from_utf8_lossy(name);
            Err(ConfError::at(format_args!("match \"{name}\" is not found"), arg.at()))
        }
    }
}

/// Peers by group and address.
type Known = HashMap<(Rc<str>, Rc<str>), Rc<Peer>>;

thread_local! {
    /// The peers with a `mandatory persistent` check, by group and address, as the last configuration
    /// left them. Their numbers are in shared memory, so the process that reads configurations sees what
    /// workers found out.
    static LAST: RefCell<Known> = RefCell::default();
}

/// Refuses what cannot be checked, and takes those peers out that have to pass a check first. Called before
/// workers start, so that none of them serves with a peer nobody has asked yet.
///
/// # Errors
/// Those of [`checks`].
pub fn prepare(cycle: &HttpCycle) -> Result<(), ConfError> {
    let mut known = HashMap::new();
    for check in checks(cycle)?.into_iter().filter(|check| check.spec.mandatory) {
        for peer in check.group.roster().all() {
            let key = (check.group.name().clone(), peer.name.clone());
            let was_well = LAST
                .with_borrow(|last| last.get(&key).is_some_and(|old| old.state.get(Field::Unhealthy) == 0));
            if !(check.spec.persistent && was_well) {
                peer.set_healthy(false, clock::now());
            }
            if check.spec.persistent {
                known.insert(key, peer.clone());
            }
        }
    }
    LAST.set(known);
    Ok(())
}
