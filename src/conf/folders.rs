//! Folders that the server writes to on its own: whose they are.
//!
//! *In nginx* `ngx_add_path` collects them for a cycle, and refuses one that two would use who do not know
//! of each other.
//!
//! *Here* the same: directives that name such a folder [claim](Cx::claim_folder) it. A cache counts, and
//! throws away, what lies in its folder; temporary files of somebody else must not be there. Several
//! directives may put temporary files into one folder if they divide it alike.
//!
//! ```text
//!   proxy_cache_path /var/a …  ─┐
//!   proxy_temp_path /var/a     ─┴▶ the same path name "/var/a" used in FILE:1 and in FILE:2
//! ```
//!
//! *Read next*: `zone.rs`, for memory by name.

use super::build::Cx;
use super::error::{ConfError, Place};
use super::merge::{Conf, Scope};
use super::tree::Line;
use crate::conf_slot;
use std::path::{Path, PathBuf};

/// What a folder is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use<'a> {
    /// Files of one cache, and of nobody else.
    Cache,
    /// Temporary files, in sub-folders with names of so many digits.
    Temporary(&'a [usize]),
}

#[derive(Debug)]
struct Claim {
    folder: PathBuf,
    /// Levels of sub-folders for temporary files; None for a cache.
    levels: Option<Vec<usize>>,
    place: Place,
}

/// The folders of a configuration.
#[derive(Debug, Default)]
pub struct Folders {
    claims: Vec<Claim>,
}

impl Conf for Folders {
    const SCOPE: Scope = Scope::Process;
    conf_slot!();
}

impl Cx<'_> {
    /// Takes a folder for a use; `folder` is a whole name.
    ///
    /// # Errors
    /// nginx's: somebody has it for another use, or divides it otherwise.
    pub fn claim_folder(&mut self, line: &Line, folder: &Path, what: Use) -> Result<(), ConfError> {
        let levels = match what {
            Use::Cache => None,
            Use::Temporary(levels) => Some(levels.to_vec()),
        };
        let claims = &mut self.conf::<Folders>().claims;
        let Some(other) = claims.iter().find(|claim| claim.folder == folder) else {
            claims.push(Claim { folder: folder.to_owned(), levels, place: line.at.clone() });
            return Ok(());
        };
        let name = folder.display();
        match (&levels, &other.levels) {
            (Some(own), Some(others)) if own == others => Ok(()),
            (Some(_), Some(_)) => Err(line.err(format_args!(
                "the same path name \"{name}\" {} has the different levels than",
                other.place
            ))),
            _ => Err(line.err(format_args!("the same path name \"{name}\" used {} and", other.place))),
        }
    }
}
