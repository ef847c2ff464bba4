//! The whole way from a file name to the sets of the main level.
//!
//! *In nginx*: the middle of `ngx_init_cycle`: `ngx_conf_param` applies `-g`, then `ngx_conf_parse` reads
//! the file, both into the configurations of the new cycle.
//!
//! *Here*: the same order in one function, and what `-T` prints. What happens before (finding the prefix)
//! and after (opening logs and sockets) is the business of `process`, and must not be known here.
//!
//! *Read next*: `include` (the files), `build` (the levels).

use std::path::Path;

use super::build::{Cx, Sets};
use super::error::{ConfError, Warning};
use super::include::{Reader, SourceFile};
use super::registry::Registry;

/// Where a configuration comes from.
#[derive(Clone, Copy, Debug)]
pub struct From<'a> {
    /// The main file (`-c`).
    pub file: &'a Path,
    /// What relative names in directives start at (`-p`).
    pub prefix: &'a Path,
    /// Directives from the command line (`-g`); applied first.
    pub globals: &'a [u8],
}

/// A configuration that was read without an error.
pub struct Loaded {
    /// The main level: Scope::Process, and there what modules keep of their blocks.
    pub sets: Sets,
    /// The files it was read from, in order.
    pub files: Vec<SourceFile>,
}

/// Reads and applies a configuration. Warnings are added to `warnings`, also when an error ends the reading.
pub fn load(registry: &Registry, from: From, warnings: &mut Vec<Warning>) -> Result<Loaded, ConfError> {
    let conf_dir = from.file.parent().unwrap_or(Path::new(""));
    let mut reader = Reader::new(conf_dir);
    let mut cx = Cx::new(registry, from.prefix, conf_dir);
    let globals = reader.command_line(from.globals);
    let done = cx.apply_tree(&globals).and_then(|()| cx.apply_tree(&reader.main_file(from.file)));
    warnings.extend(cx.take_warnings());
    done.map(|()| Loaded { sets: cx.finish(), files: reader.into_files() })
}

/// The text of `-T`: every file behind a line with its name.
pub fn dump(files: &[SourceFile]) -> Vec<u8> {
    let mut out = Vec::new();
    for file in files {
        out.extend(format!("# configuration file {}:\n", file.name).into_bytes());
        out.extend_from_slice(&file.text);
        out.push(b'\n');
    }
    out
}
