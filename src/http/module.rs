//! An HTTP module: one feature, one file, one table.
//!
//! *In nginx* `ngx_module_t` with `ngx_http_module_t` and a `ngx_command_t` table; the module registers
//! its phase handlers and links its filters in `postconfiguration`.
//!
//! *Here* a constant. What a module adds stands in its fields, so that reading them is reading what it
//! does; [`MODULES`](crate::modules::MODULES) lists those of this room, and rooms above add theirs.
//!
//! *Read next*: `modules/mod.rs`.

use super::output::HeaderFilter;
use super::phases::Registration;
use super::vars::{Definition, Family};
use crate::buf::temp_file::TempPath;
use crate::conf::build::Sets;
use crate::conf::directive;
use crate::conf::error::ConfError;
use crate::conf::merge::{Confs, Setting};

/// Lists a module's variables by name.
pub type Variables = fn() -> Vec<(&'static str, Definition)>;
/// Does what a module has to do when all of `http {}` has been read and before it is merged; gets its sets.
pub type After = fn(&mut Sets) -> Result<(), ConfError>;

/// Finds a module's temporary folder in the sets of a level.
pub type TempPathOf = fn(&mut Sets) -> &mut Setting<TempPath>;

/// Says that a module has nothing to do at a level: that each of its phase handlers would decline there, and
/// each of its header filters leave everything as it is. They are left out of the level's [`Steps`].
///
/// [`Steps`]: super::phases::Steps
pub type Idle = fn(&Confs) -> bool;

/// One feature of the HTTP server.
pub struct HttpModule {
    /// Its name and its directives.
    pub conf: &'static directive::Module,
    /// Its phase handlers, in the order of the modules within a phase.
    pub phases: &'static [Registration],
    /// Its header filters.
    pub filters: &'static [HeaderFilter],
    /// Where they need not be asked; None if they always must.
    pub idle: Option<Idle>,
    /// Its variables.
    pub variables: Option<Variables>,
    /// Its families of variables.
    pub families: &'static [Family],
    /// Its folder of temporary files at one level: relative to the prefix until then, made before
    /// workers start.
    pub temp_path: Option<TempPathOf>,
    /// Called when `http {}` has been read, before it is merged (nginx: `postconfiguration`).
    pub after: Option<After>,
}

impl HttpModule {
    /// A module that adds nothing but directives.
    pub const fn new(conf: &'static directive::Module) -> HttpModule {
        HttpModule {
            conf,
            phases: &[],
            filters: &[],
            idle: None,
            variables: None,
            families: &[],
            temp_path: None,
            after: None,
        }
    }
}
