//! All groups of a configuration, by name.
//!
//! *In nginx* `umcf->upstreams`: `upstream` blocks and `*_pass` directives both call
//! `ngx_http_upstream_add`, in whatever order the file has, and `ngx_http_upstream_init_main_conf` makes
//! sense of it at the end.
//!
//! *Here* the same at the end: blocks are declared first, then each `*_pass` finds its group by name or gets
//! one made for its host and port. Names are compared without regard to case.
//!
//! *Read next*: `directives.rs`.

use super::group::Group;
use super::server::Server;
use crate::conf::build::Sets;
use crate::conf::error::{ConfError, Place};
use std::collections::HashMap;
use std::rc::Rc;

/// The groups.
#[derive(Default)]
pub struct Groups {
    declared: HashMap<String, Rc<Group>>,
    implicit: HashMap<(String, u16), Rc<Group>>,
}

impl Groups {
    /// The groups of all blocks, each with its name, its lines applied, and where its `}` stands.
    ///
    /// # Errors
    /// Those of [`build`](super::build) and [`Groups::declare`].
    pub fn of(blocks: Vec<(String, Sets, Place)>) -> Result<Groups, ConfError> {
        let mut groups = Groups::default();
        for (name, mut sets, end) in blocks {
            let group = super::build(&name, &mut sets, &end)?;
            groups.declare(group, &end)?;
        }
        Ok(groups)
    }

    /// Refuses a second block of that name; to be asked when the block opens.
    ///
    /// # Errors
    /// `duplicate upstream "x"`.
    pub fn refuse_duplicate(&self, name: &str, place: &Place) -> Result<(), ConfError> {
        match self.declared.contains_key(&name.to_ascii_lowercase()) {
            true => Err(ConfError::at(format_args!("duplicate upstream \"{name}\""), place)),
            false => Ok(()),
        }
    }

    /// Adds the group of a block.
    ///
    /// # Errors
    /// `duplicate upstream "x"`.
    pub fn declare(&mut self, group: Rc<Group>, place: &Place) -> Result<(), ConfError> {
        self.refuse_duplicate(group.name(), place)?;
        self.declared.insert(group.name().to_ascii_lowercase(), group);
        Ok(())
    }

    /// The group of a block, by name; also for names that variables make at run time.
    pub fn find(&self, name: &str) -> Option<&Rc<Group>> {
        self.declared.get(&name.to_ascii_lowercase())
    }

    /// The group some other `*_pass` line made for that host and port; for names that variables make at
    /// run time.
    pub fn find_implicit(&self, url: &str, default_port: u16) -> Option<&Rc<Group>> {
        self.implicit.get(&(url.to_ascii_lowercase(), default_port))
    }

    /// The group of `host[:port]` or `unix:/path` in a `*_pass` line: a declared one, or one made now, its
    /// name looked up by the system.
    ///
    /// # Errors
    /// `host not found in upstream "x"`, `upstream "x" may not have port 8080`.
    pub fn locate(&mut self, url: &str, default_port: u16, place: &Place) -> Result<Rc<Group>, ConfError> {
        if let Some(group) = self.find(url) {
            return Ok(group.clone());
        }
        if let Some((host, port)) = url.rsplit_once(':')
            && self.find(host).is_some()
            && port.bytes().all(|b| b.is_ascii_digit())
        {
            let text = format_args!("upstream \"{host}\" may not have port {port}");
            return Err(ConfError::at(text, place));
        }
        let key = (url.to_ascii_lowercase(), default_port);
        if let Some(group) = self.implicit.get(&key) {
            return Ok(group.clone());
        }
        let mut server = Server::new(url, place.clone());
        server.locate(default_port)?;
        let group = Rc::new(Group::implicit(server));
        self.implicit.insert(key, group.clone());
        Ok(group)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Rc<Group>> {
        self.declared.values().chain(self.implicit.values())
    }
}
