//! `allow` and `deny`: who may come in, by address.
//!
//! *In nginx* `ngx_http_access_module`, with a list each for IPv4, IPv6 and unix sockets.
//!
//! *Here* one list in the order of the lines; the first that holds the client's address decides. A level with
//! lines of its own inherits none. Whoever no line speaks of may come in.
//!
//! ```text
//!   deny 192.168.1.1;  allow 192.168.1.0/24;  deny all;       192.168.1.1 ✗   192.168.1.2 ✓   10.0.0.1 ✗
//! ```
//!
//! *Read next*: `util/cidr.rs`, `http/phases.rs: access` (what `satisfy` makes of the answer).

use crate::conf::build::Cx;
use crate::conf::directive::{Args, Contexts, Directive, LEVELS, LIMIT_EXCEPT, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::conf::Satisfy;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::module::HttpModule;
use crate::http::phases::Phase;
use crate::http::turn::Status;
use crate::log::Level;
use crate::settings;
use crate::util::cidr::Cidr;

/// A line: whom it is about, and whether it refuses them.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// None for all.
    network: Option<Cidr>,
    deny: bool,
}

settings! {
    /// The rules of a level.
    pub struct Access: Location {
        /// `allow` and `deny`, in order
        pub rules: Vec<Rule> = Vec::new(),
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    phases: &[(Phase::Access, handler)],
    idle: Some(|confs| confs.get::<Access>().rules.is_empty()),
    ..HttpModule::new(&TABLE)
};

const WHERE: Contexts = LEVELS | LIMIT_EXCEPT;

static TABLE: Module = Module {
    name: "http_access",
    directives: &[
        Directive::of("allow", WHERE, Args::Exactly(1))
            .doc("Lets an address or network, all unix sockets (unix:) or everybody (all) in.")
            .set(|cx, line| rule(cx, line, false)),
        Directive::of("deny", WHERE, Args::Exactly(1))
            .doc("Keeps an address or network, all unix sockets (unix:) or everybody (all) out.")
            .set(|cx, line| rule(cx, line, true)),
    ],
};

fn rule(cx: &mut Cx, line: &Line, deny: bool) -> Result<(), ConfError> {
    let text = line.arg(0)?;
    let network = if text.is("all") {
        None
    } else {
        let parsed = std::str::from_utf8(text).ok().and_then(Cidr::parse);
        let Some((network, masked)) = parsed else {
            return Err(line.err(format_args!("invalid parameter \"{text}\"")));
        };
        if masked {
            cx.warn(&line.at, format_args!("low address bits of {text} are meaningless"));
        }
        Some(network)
    };
    cx.conf::<Access>().rules.edit().push(Rule { network, deny });
    Ok(())
}

fn handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    let level = x[r].loc.clone();
    let rules = &level.confs.get::<Access>().rules;
    if rules.is_empty() {
        return Status::Declined;
    }
    let Some(peer) = io.conn(x.client.conn).map(|c| c.peer.clone()) else { return Status::Declined };
    let first = rules.iter().find(|rule| rule.network.is_none_or(|network| network.contains(&peer)));
    match first {
        None => Status::Declined,
        Some(Rule { deny: false, .. }) => Status::Ok,
        Some(_) => {
            // With `satisfy any` another module may still agree; who says no last, logs.
            if *x[r].loc.core.satisfy == Satisfy::All {
                logging::log(x, r, io, Level::Error, None, format_args!("access forbidden by rule"));
            }
            Status::Http(403)
        }
    }
}
