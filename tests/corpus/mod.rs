//! Good messages of every kind: what the bench tries the modules with, and what the fuzz begins from.
//!
//! A [`Case`] is a reply of a peer to a module with a configuration, and what must become of it.

#![allow(dead_code)] // each binary that includes the corpus uses a part of it

pub mod binary;
pub mod certificates;
pub mod conf;
pub mod dice;
pub mod heads;
pub mod inputs;
pub mod replies;
pub mod speak;
pub mod targets;
pub mod values;

use headwater::protocol::Body;
use headwater::protocol::bench::{Asking, Configured, configure};
use headwater::protocol::{fastcgi, http1, memcached, mysql, redis, scgi, uwsgi};

#[allow(dead_code)] // their main functions
#[path = "../../examples/echo.rs"]
pub mod echo;
#[allow(dead_code)]
#[path = "../../examples/search.rs"]
pub mod search;

/// The modules that come with the library, and those of the tutorials.
pub const MODULES: [&str; 9] =
    ["proxy", "memcached", "redis", "fastcgi", "scgi", "uwsgi", "mysql", "echo", "search"];

/// A reply, who hears it, and what must become of it.
#[derive(Clone, Debug)]
pub struct Case {
    pub module: &'static str,
    pub directives: &'static str,
    pub method: &'static str,
    /// The peer's side of the conversation before the request; empty if there is none.
    pub greeting: Vec<u8>,
    pub reply: Vec<u8>,
    pub status: u16,
    pub body: Vec<u8>,
    pub reusable: bool,
}

impl Case {
    /// An answer to GET on a connection that needs no greeting.
    pub fn new(module: &'static str, directives: &'static str, reply: impl Into<Vec<u8>>) -> Case {
        let (reply, body) = (reply.into(), Vec::new());
        let (method, greeting) = ("GET", Vec::new());
        Case { module, directives, method, greeting, reply, status: 200, body, reusable: true }
    }

    pub fn method(self, method: &'static str) -> Case {
        Case { method, ..self }
    }

    pub fn greeted(self, greeting: Vec<u8>) -> Case {
        Case { greeting, ..self }
    }

    pub fn status(self, status: u16) -> Case {
        Case { status, ..self }
    }

    pub fn body(self, body: impl Into<Vec<u8>>) -> Case {
        Case { body: body.into(), ..self }
    }

    /// The connection serves no other request after this one.
    pub fn once(self) -> Case {
        Case { reusable: false, ..self }
    }

    /// The module with the case's configuration.
    pub fn configured(&self) -> Configured {
        let read = match self.module {
            "proxy" => configure::<http1::Http1>(self.directives),
            "memcached" => configure::<memcached::Memcached>(self.directives),
            "redis" => configure::<redis::Redis>(self.directives),
            "fastcgi" => configure::<fastcgi::FastCgi>(self.directives),
            "scgi" => configure::<scgi::Scgi>(self.directives),
            "uwsgi" => configure::<uwsgi::Uwsgi>(self.directives),
            "mysql" => configure::<mysql::MySql>(self.directives),
            "echo" => configure::<echo::Echo>(self.directives),
            _ => configure::<search::Search>(self.directives),
        };
        read.unwrap_or_else(|error| panic!("{}: {error}", self.directives))
    }

    /// A request that the reply could be the answer to.
    pub fn asking(&self, configured: &Configured) -> Asking {
        let asking = Asking::get("/a?word", configured)
            .variable("memcached_key", "key")
            .variable("redis_key", "key")
            .variable("http_upgrade", "websocket");
        let body = if matches!(self.method, "PUT" | "POST") { Body::Length(5) } else { Body::None };
        Asking { method: self.method.into(), body, ..asking }
    }
}
