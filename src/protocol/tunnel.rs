//! CONNECT: a connection to where the client says, and then whatever the two tell each other.
//!
//! *In nginx* `ngx_http_tunnel_module`, which makes a forward proxy of a server: `tunnel_pass` without an
//! argument connects to the host and port of the request.
//!
//! *Here* the smallest module there can be: it says nothing to its peer and reads nothing from it. That the
//! connection is there is the whole answer ([`Protocol::TUNNELS`]), and the core makes a tunnel of it, the
//! same one that an upgrade leads to.
//!
//! ```text
//!   CONNECT db.example:5432 ─▶ connect() ─▶ 200 ─▶ bytes both ways, half-close, until both have ended
//!                                  └─ refused, timed out: next peer, 502, 504
//! ```
//!
//! Who may connect to what is for `allow`, `deny`, `auth_basic` and a `map` of `$host` to decide: a
//! server that lets everybody connect everywhere is an open relay.
//!
//! *Read next*: `upstream/upgraded.rs`.

use super::{Fault, Framing, Head, Input, Out, Protocol, Request, Step};
use crate::conf::directive::Module;
use std::rc::Rc;

crate::settings! {
    /// There is nothing to be set but what the shared directives set.
    pub struct TunnelLocation: Location {
    }
}

/// The context of one tunnel: nothing.
#[derive(Clone, Copy, Debug)]
pub struct Tunnel;

impl Protocol for Tunnel {
    type Conf = TunnelLocation;
    const NAME: &'static str = "tunnel";
    const DIRECTIVES: &'static Module = &Module { name: "tunnel", directives: &[] };
    const TUNNELS: bool = true;
    const PASS_DEFAULT: Option<&'static str> = Some("$host:$request_port");
    /// Those that have a meaning where no reply is read.
    const SHARED: Option<&'static [&'static str]> = Some(&[
        "bind",
        "buffer_size",
        "connect_timeout",
        "fail_open",
        "next_upstream",
        "next_upstream_timeout",
        "next_upstream_tries",
        "read_timeout",
        "send_timeout",
        "socket_keepalive",
        "socket_rcvbuf",
        "socket_sndbuf",
    ]);

    fn create_request(_: &mut dyn Request, _: &Rc<TunnelLocation>, _: &mut Out) -> Result<Self, Fault> {
        Ok(Tunnel)
    }

    fn process_header(&mut self, _: &mut Input, _: &mut Head) -> Result<Step, Fault> {
        Err(Fault::Internal("a tunnel has no header"))
    }

    fn input_filter_init(&mut self, _: &Head) -> Framing {
        Framing::Empty
    }
}
