//! A protocol module without its type, as the core holds it.
//!
//! *In nginx* the type is lost from the start: callbacks get the request and look their context up in
//! `r->ctx[module.ctx_index]`.
//!
//! *Here* [`Kind`] is what a pass directive stores: the module's name, tables and a function that makes a
//! context. A context lives in a box that keeps the copy for the next peer beside it, so neither the
//! module nor the core has to think of it. One virtual call per callback, none per byte. When a request is
//! over its box waits for the next one of the same client, most often one for the same protocol, so that
//! a request of a module without memory of its own does not call the allocator.
//!
//! ```text
//!   Kind { create } ─▶ Box<dyn Erased> = Held { now, pristine }
//!                                           ▲─ reinit ──┘
//! ```
//!
//! *Read next*: `bench/mod.rs`, which tries modules through this door.

use super::{Fault, Flow, Framing, Greet, Head, Input, Out, Outcome, Protocol, Relay, Request, Step};
use crate::buf::Slice;
use crate::conf::directive::Module;
use crate::conf::merge::Confs;
use std::any::Any;

/// A module's context with its type forgotten. Each function is the one of [`Protocol`] with that name.
pub trait Erased {
    /// [`Protocol::greet`]
    ///
    /// # Errors
    /// The module's.
    fn greet(&mut self, input: &mut Input, out: &mut Out, head: &mut Head) -> Result<Greet, Fault>;

    /// [`Protocol::process_header`]
    ///
    /// # Errors
    /// The module's.
    fn process_header(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault>;

    /// [`Protocol::reinit_request`]
    fn reinit_request(&mut self);

    /// [`Protocol::input_filter_init`]
    fn input_filter_init(&mut self, head: &Head) -> Framing;

    /// [`Protocol::input_filter`]
    ///
    /// # Errors
    /// The module's.
    fn input_filter(&mut self, input: &mut Input, out: &mut Relay) -> Result<Flow, Fault>;

    /// [`Protocol::ends_at_close`]
    fn ends_at_close(&self) -> bool;

    /// [`Protocol::session`]
    fn session(&self) -> u64;

    /// [`Protocol::rewrite_redirect`]
    fn rewrite_redirect(&self, r: &mut dyn Request, location: &Slice) -> Option<Slice>;

    /// [`Protocol::rewrite_cookie`]
    fn rewrite_cookie(&self, r: &mut dyn Request, cookie: &Slice) -> Option<Slice>;

    /// [`Protocol::abort_request`]
    fn abort_request(&mut self, out: &mut Out);

    /// [`Protocol::finalize_request`]. What is left is of use for its memory only, see
    /// [`Kind::create_request_in`].
    fn finalize_request(&mut self, end: Outcome);

    /// Itself, for those who know its type.
    fn as_any(&mut self) -> &mut dyn Any;
}

struct Held<P> {
    now: P,
    pristine: P,
}

impl<P: Protocol> Erased for Held<P> {
    fn greet(&mut self, input: &mut Input, out: &mut Out, head: &mut Head) -> Result<Greet, Fault> {
        self.now.greet(input, out, head)
    }

    fn process_header(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
        self.now.process_header(input, head)
    }

    fn reinit_request(&mut self) {
        self.now.reinit_request(&self.pristine);
    }

    fn input_filter_init(&mut self, head: &Head) -> Framing {
        self.now.input_filter_init(head)
    }

    fn input_filter(&mut self, input: &mut Input, out: &mut Relay) -> Result<Flow, Fault> {
        self.now.input_filter(input, out)
    }

    fn ends_at_close(&self) -> bool {
        self.now.ends_at_close()
    }

    fn session(&self) -> u64 {
        self.now.session()
    }

    fn rewrite_redirect(&self, r: &mut dyn Request, location: &Slice) -> Option<Slice> {
        self.now.rewrite_redirect(r, location)
    }

    fn rewrite_cookie(&self, r: &mut dyn Request, cookie: &Slice) -> Option<Slice> {
        self.now.rewrite_cookie(r, cookie)
    }

    fn abort_request(&mut self, out: &mut Out) {
        self.now.abort_request(out);
    }

    fn finalize_request(&mut self, end: Outcome) {
        std::mem::replace(&mut self.now, self.pristine.clone()).finalize_request(end);
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

type Used = Option<Box<dyn Erased>>;
type Create = fn(&mut dyn Request, &Confs, &mut Out, Used) -> Result<Box<dyn Erased>, Fault>;

/// A protocol as the configuration knows it.
#[derive(Clone, Copy)]
pub struct Kind {
    /// [`Protocol::NAME`]
    pub name: &'static str,
    /// A number that stands for the name.
    pub number: u64,
    /// [`Protocol::DIRECTIVES`]
    pub directives: &'static Module,
    /// [`Protocol::SCHEME`]
    pub scheme: Option<&'static str>,
    /// [`Protocol::PORT`]
    pub port: u16,
    /// [`Protocol::TLS_SCHEME`]
    pub tls: Option<(&'static str, u16)>,
    /// [`Protocol::SAYS_GOODBYE`]
    pub says_goodbye: bool,
    /// [`Protocol::GREETS`]
    pub greets: bool,
    /// [`Protocol::LIKE_FILES`]
    pub like_files: bool,
    /// [`Protocol::TUNNELS`]
    pub tunnels: bool,
    create: Create,
    may_stream: fn(&Confs, bool) -> bool,
    revive: fn(&Confs) -> Option<Box<dyn Erased>>,
    cache_key: fn(&mut dyn Request) -> Result<Slice, Fault>,
}

impl Kind {
    /// The kind of a module.
    pub const fn of<P: Protocol>() -> Kind {
        Kind {
            name: P::NAME,
            number: number_of(P::NAME),
            directives: P::DIRECTIVES,
            scheme: P::SCHEME,
            port: P::PORT,
            tls: P::TLS_SCHEME,
            says_goodbye: P::SAYS_GOODBYE,
            greets: P::GREETS,
            like_files: P::LIKE_FILES,
            tunnels: P::TUNNELS,
            create: create::<P>,
            may_stream: |location, chunked| P::may_stream(location.get(), chunked),
            revive: revive::<P>,
            cache_key: P::cache_key,
        }
    }

    /// The port of a host without one.
    pub fn default_port(&self, tls: bool) -> u16 {
        self.tls.filter(|_| tls).map_or(self.port, |(_, port)| port)
    }

    /// [`Protocol::may_stream`] with the module's configuration of this location.
    pub fn may_stream(&self, location: &Confs, chunked: bool) -> bool {
        (self.may_stream)(location, chunked)
    }

    /// [`Protocol::revive`] with the module's configuration of this location.
    pub fn revive(&self, location: &Confs) -> Option<Box<dyn Erased>> {
        (self.revive)(location)
    }

    /// [`Protocol::cache_key`]
    ///
    /// # Errors
    /// The module's.
    pub fn cache_key(&self, r: &mut dyn Request) -> Result<Slice, Fault> {
        (self.cache_key)(r)
    }

    /// [`Protocol::create_request`] with the module's configuration of this location.
    ///
    /// # Errors
    /// The module's.
    pub fn create_request(
        &self,
        r: &mut dyn Request,
        location: &Confs,
        out: &mut Out,
    ) -> Result<Box<dyn Erased>, Fault> {
        (self.create)(r, location, out, None)
    }

    /// The same; the context takes the memory of a used one, if that is of the same protocol.
    ///
    /// # Errors
    /// The module's.
    pub fn create_request_in(
        &self,
        used: Option<Box<dyn Erased>>,
        r: &mut dyn Request,
        location: &Confs,
        out: &mut Out,
    ) -> Result<Box<dyn Erased>, Fault> {
        (self.create)(r, location, out, used)
    }
}

/// A number that stands for a protocol's name: a hash of it (FNV-1a).
pub const fn number_of(name: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut rest = name.as_bytes();
    while let [b, tail @ ..] = rest {
        hash = (hash ^ *b as u64).wrapping_mul(0x0000_0100_0000_01b3);
        rest = tail;
    }
    hash
}

/// Two kinds are the same if their directives are.
impl PartialEq for Kind {
    fn eq(&self, other: &Kind) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kind({})", self.name)
    }
}

/// A context with its type forgotten, for those who made it themselves.
pub fn of<P: Protocol>(now: P) -> Box<dyn Erased> {
    Box::new(Held { pristine: now.clone(), now })
}

fn create<P: Protocol>(
    r: &mut dyn Request,
    location: &Confs,
    out: &mut Out,
    used: Used,
) -> Result<Box<dyn Erased>, Fault> {
    let now = P::create_request(r, &location.rc::<P::Conf>(), out)?;
    let held = Held { pristine: now.clone(), now };
    // Another protocol's box has another size: a location with memcached behind one with HTTP.
    if let Some(mut used) = used
        && let Some(place) = used.as_any().downcast_mut::<Held<P>>()
    {
        *place = held;
        return Ok(used);
    }
    Ok(Box::new(held))
}

fn revive<P: Protocol>(location: &Confs) -> Option<Box<dyn Erased>> {
    let now = P::revive(&location.rc::<P::Conf>())?;
    Some(Box::new(Held { pristine: now.clone(), now }))
}
