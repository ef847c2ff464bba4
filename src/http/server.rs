//! Virtual servers: one address, many names.
//!
//! *In nginx* `ngx_http_core_srv_conf_t` and the hashes of names that `ngx_http_find_virtual_server`
//! looks into: exact names first, then the longest `*.example.com`, then the longest `mail.*`, then
//! regular expressions in order.
//!
//! *Here* the same order over one [`Names`] per address. A name that starts with a dot stands for itself
//! and for everything below it.
//!
//! *Read next*: `listen.rs`, `block.rs`.

use super::conf::{CoreServer, Location};
use super::vars::VarRegex;
use crate::buf::Slice;
use crate::conf::merge::Confs;
use std::collections::HashMap;
use std::rc::Rc;

/// One argument of `server_name`.
#[derive(Clone, Debug)]
pub enum ServerName {
    /// A name, lower case; may begin with `*.` or `.` or end with `.*`.
    Plain(Slice),
    /// `~pattern`
    Regex(Rc<VarRegex>),
}

/// A virtual server.
pub struct Server {
    /// All modules' configuration of this level.
    pub confs: Confs,
    /// The core's part of it.
    pub core: Rc<CoreServer>,
    /// The server level as a location: what holds before one is found.
    pub root: Rc<Location>,
    /// Named locations (`@name`).
    pub named: HashMap<Vec<u8>, Rc<Location>>,
    /// The first name, for `$server_name`.
    pub name: Slice,
    /// Its number in the file, to tell servers apart.
    pub number: usize,
    /// Where its block begins.
    pub place: crate::conf::error::Place,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "server {} {}", self.number, self.name)
    }
}

/// The names served on one address.
#[derive(Debug, Default)]
pub struct Names {
    exact: HashMap<Vec<u8>, Rc<Server>>,
    /// `*.example.com` without the star: `.example.com`.
    heads: HashMap<Vec<u8>, Rc<Server>>,
    /// `mail.*` without the star: `mail.`.
    tails: HashMap<Vec<u8>, Rc<Server>>,
    regexes: Vec<(Rc<VarRegex>, Rc<Server>)>,
}

/// What a name led to.
pub enum Found {
    /// This server.
    Server(Rc<Server>),
    /// This server, by a regular expression whose captures are to be kept.
    Matched(Rc<Server>, Rc<VarRegex>),
}

impl Names {
    /// Adds a server's name; says whether the name was free.
    pub fn add(&mut self, name: &ServerName, server: &Rc<Server>) -> bool {
        let name = match name {
            ServerName::Regex(regex) => {
                self.regexes.push((regex.clone(), server.clone()));
                return true;
            }
            ServerName::Plain(name) => name,
        };
        let mut put = |table: fn(&mut Names) -> &mut HashMap<Vec<u8>, Rc<Server>>, key: &[u8]| {
            let table = table(self);
            let free = !table.contains_key(key);
            if free {
                table.insert(key.to_vec(), server.clone());
            }
            free
        };
        if let Some(rest) = name.strip_prefix(b"*") {
            put(|names| &mut names.heads, rest)
        } else if name.starts_with(b".") {
            let below = put(|names| &mut names.heads, name);
            put(|names| &mut names.exact, name.get(1..).unwrap_or_default()) && below
        } else if let Some(rest) = name.strip_suffix(b"*") {
            put(|names| &mut names.tails, rest)
        } else {
            put(|names| &mut names.exact, name)
        }
    }

    /// True if there is nothing to look up.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.heads.is_empty() && self.tails.is_empty() && self.regexes.is_empty()
    }

    /// Finds the server for a host, lower case and without port.
    pub fn find(&self, host: &[u8]) -> Option<Found> {
        if host.is_empty() {
            return self.exact.get(host).map(|server| Found::Server(server.clone()));
        }
        if let Some(server) = self.exact.get(host) {
            return Some(Found::Server(server.clone()));
        }
        if !self.heads.is_empty() {
            // From the left, so the longest suffix comes first.
            let dots = host.iter().enumerate().filter(|(_, b)| **b == b'.').map(|(at, _)| at);
            for at in dots.filter(|&at| at > 0) {
                if let Some(server) = self.heads.get(host.get(at..).unwrap_or_default()) {
                    return Some(Found::Server(server.clone()));
                }
            }
        }
        if !self.tails.is_empty() {
            let dots = host.iter().enumerate().rev().filter(|(_, b)| **b == b'.').map(|(at, _)| at);
            for at in dots {
                if let Some(server) = self.tails.get(host.get(..=at).unwrap_or_default()) {
                    return Some(Found::Server(server.clone()));
                }
            }
        }
        let by_regex = self.regexes.iter().find(|(regex, _)| regex.is_match(host));
        by_regex.map(|(regex, server)| Found::Matched(server.clone(), regex.clone()))
    }
}
