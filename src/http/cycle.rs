//! The HTTP part of a cycle: one checked configuration, ready to serve.
//!
//! *In nginx* `ngx_cycle_t` with the configuration contexts of all modules, rebuilt at each reload.
//!
//! *Here* what `http {}` came to: addresses with their servers, the phase engine, the filters, the table
//! of variables. It is built by `block.rs`, never changed afterwards, and lives as long as a worker has
//! requests of its generation.
//!
//! *Read next*: `block.rs`.

use super::conf::Location;
use super::phases::Engine;
use super::server::{Names, Server};
use super::vars::VarTable;
use crate::buf::temp_file::TempPath;
use crate::conf::merge::Confs;
use crate::event::listening::Listen;
use crate::log::Targets;
use std::rc::Rc;

/// An address with the servers on it.
pub struct ListenAddress {
    /// The address and the options of its socket.
    pub listen: Listen,
    /// The server for names that no other has.
    pub default_server: Rc<Server>,
    /// The servers by name.
    pub names: Names,
    /// There is no server but the default one, so names decide nothing.
    pub is_alone: bool,
    /// Connections begin with a PROXY protocol header.
    pub proxy_protocol: bool,
    /// Connections begin with a TLS handshake.
    pub ssl: bool,
}

/// One checked `http {}`.
pub struct HttpCycle {
    /// Configuration of the http level.
    pub main: Confs,
    /// Configuration of the main level.
    pub process: Confs,
    /// Addresses with their servers; a listening socket knows its index here.
    pub addresses: Vec<ListenAddress>,
    /// What relative file names of a request are resolved against (`-p`).
    pub prefix: std::path::PathBuf,
    /// All servers.
    pub servers: Vec<Rc<Server>>,
    /// All locations of all servers, whatever block they stand in; those of servers themselves, too.
    pub locations: Vec<Rc<Location>>,
    /// The phase handlers.
    pub phases: Engine,
    /// The variables.
    pub vars: VarTable,
    /// Folders for temporary files, each once.
    pub temp_paths: Vec<TempPath>,
    /// Where error lines go that belong to no location.
    pub error_log: Targets,
}

impl HttpCycle {
    /// True for a client whose lines go to the log at debug level (directive `debug_connection`).
    pub fn is_debugged(&self, client: &crate::util::address::Address) -> bool {
        let events = self.process.get::<crate::event::directives::Events>();
        !events.debug_connection.is_empty() && events.is_debugged(client)
    }
}
