//! Names, definitions and the table they become.
//!
//! *In nginx* `cmcf->variables_keys` while the file is read and `cmcf->variables` afterwards, joined by
//! `ngx_http_variables_init_vars`, which is where `unknown "x" variable` comes from.
//!
//! *Here* likewise. A definition is a closure, so a `map` and a built-in look the same to who asks.
//! Whoever defines a name twice is told, unless the first definition may be
//! [replaced](Definition::changeable).
//!
//! *Read next*: `core.rs` for the built-in ones.

use super::VarIx;
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::error::ConfError;
use crate::conf::merge::{Conf, Scope};
use crate::conf::template::Names;
pub use crate::conf::template::index;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use std::collections::HashMap;
use std::rc::Rc;

/// Works out a value.
pub type Get = Rc<dyn Fn(&mut Exchange, RequestIx, &mut Io) -> Option<Slice>>;
/// Takes a new value.
pub type Set = Rc<dyn Fn(&mut Exchange, RequestIx, &mut Io, &Slice)>;
/// Makes the getter of one member of a family from the rest of its name.
pub type MakeGet = fn(&[u8]) -> Get;

/// A variable.
#[derive(Clone)]
pub struct Definition {
    /// Works out its value.
    pub get: Get,
    /// Takes a new value, for those that are not just remembered.
    pub set: Option<Set>,
    /// A value, once worked out, holds for the whole request.
    pub cacheable: bool,
    /// `set`, `map` and their like may define it too.
    pub changeable: bool,
}

/// All variables whose names begin alike.
pub struct Family {
    /// The beginning, e.g. `arg_`.
    pub prefix: &'static str,
    /// Makes the getter from the rest of the name.
    pub make: MakeGet,
    /// As in [`Definition::cacheable`].
    pub cacheable: bool,
}

/// A variable by its getter: cacheable, not changeable.
pub fn definition(get: impl Fn(&mut Exchange, RequestIx, &mut Io) -> Option<Slice> + 'static) -> Definition {
    Definition { get: Rc::new(get), set: None, cacheable: true, changeable: false }
}

/// A variable that is what was last stored, and missing before.
pub fn constant() -> Definition {
    Definition { changeable: true, ..definition(|_, _, _| None) }
}

impl Definition {
    /// Its value may change during a request.
    pub fn volatile(mut self) -> Definition {
        self.cacheable = false;
        self
    }

    /// Others may define it too.
    pub fn changeable(mut self) -> Definition {
        self.changeable = true;
        self
    }

    /// Takes new values itself.
    pub fn with_set(
        mut self,
        set: impl Fn(&mut Exchange, RequestIx, &mut Io, &Slice) + 'static,
    ) -> Definition {
        self.set = Some(Rc::new(set));
        self.changeable()
    }
}

/// Definitions that directives make, while the file is being read; the names are in [`Names`].
#[derive(Default)]
pub struct VarNames {
    definitions: HashMap<Vec<u8>, Definition>,
    /// For names that nobody defines otherwise, families included (nginx: `NGX_HTTP_VAR_WEAK`).
    weak: HashMap<Vec<u8>, Definition>,
}

impl Conf for VarNames {
    const SCOPE: Scope = Scope::Http;
    crate::conf_slot!();
}

/// Defines a variable for a directive (`set $name`, `map … $name`); `name` has its `$`.
///
/// # Errors
/// No `$`, no name, or a name that is taken for good.
pub fn declare(cx: &mut Cx, line: &Line, name: &[u8], definition: Definition) -> Result<VarIx, ConfError> {
    let shown = String::from_utf8_lossy(name).into_owned();
    let Some(bare) = name.strip_prefix(b"$").filter(|bare| !bare.is_empty()) else {
        return Err(line.err(format_args!("invalid variable name \"{shown}\"")));
    };
    let ix = index(cx, bare);
    let builtin = super::core::find(bare);
    let names = cx.conf::<VarNames>();
    let key = bare.to_ascii_lowercase();
    let earlier = names.definitions.get(&key).cloned().or(builtin);
    match earlier {
        Some(earlier) if !earlier.changeable => {
            Err(line.err(format_args!("the duplicate \"{}\" variable", String::from_utf8_lossy(bare))))
        }
        // `set $args` changes what is there; it does not hide it.
        Some(earlier) if earlier.set.is_some() => Ok(ix),
        _ => {
            names.definitions.insert(key, definition);
            Ok(ix)
        }
    }
}

/// As [`declare`], for a directive that only stores values (`set`, `auth_request_set`): a definition of
/// anybody else stays in force, and `definition` answers where there is none.
///
/// # Errors
/// Those of [`declare`].
pub fn declare_weak(
    cx: &mut Cx,
    line: &Line,
    name: &[u8],
    definition: Definition,
) -> Result<VarIx, ConfError> {
    let Some(bare) = name.strip_prefix(b"$").filter(|bare| !bare.is_empty()) else {
        let shown = String::from_utf8_lossy(name);
        return Err(line.err(format_args!("invalid variable name \"{shown}\"")));
    };
    let ix = index(cx, bare);
    let builtin = super::core::find(bare);
    let names = cx.conf::<VarNames>();
    let key = bare.to_ascii_lowercase();
    match names.definitions.get(&key).or(builtin.as_ref()) {
        Some(earlier) if !earlier.changeable => {
            Err(line.err(format_args!("the duplicate \"{}\" variable", String::from_utf8_lossy(bare))))
        }
        Some(_) => Ok(ix),
        None => {
            names.weak.entry(key).or_insert(definition);
            Ok(ix)
        }
    }
}

/// All variables of a configuration.
#[derive(Default)]
pub struct VarTable {
    list: Vec<Definition>,
    indexes: HashMap<Vec<u8>, VarIx>,
    builtin: HashMap<&'static [u8], Definition>,
    families: Vec<&'static Family>,
}

impl VarTable {
    /// Joins names and definitions.
    ///
    /// # Errors
    /// nginx's sentence about a name nobody defines.
    pub fn build(
        names: &mut Names,
        defined: &mut VarNames,
        builtin: Vec<(&'static str, Definition)>,
        families: Vec<&'static Family>,
    ) -> Result<VarTable, String> {
        let mut table = VarTable { families, ..VarTable::default() };
        table.builtin = builtin.into_iter().map(|(name, definition)| (name.as_bytes(), definition)).collect();
        for (number, name) in names.list().iter().enumerate() {
            let captured = names.is_captured(VarIx(number as u32)).then(constant);
            let definition = defined.definitions.get(name).cloned().or_else(|| table.unindexed(name));
            let definition = definition.or_else(|| defined.weak.get(name).cloned()).or(captured);
            let Some(definition) = definition else {
                return Err(format!("unknown \"{}\" variable", String::from_utf8_lossy(name)));
            };
            table.list.push(definition);
        }
        table.indexes = names.take_table();
        for (name, definition) in defined.definitions.drain() {
            if !table.indexes.contains_key(&name) {
                table.indexes.insert(name, VarIx(table.list.len() as u32));
                table.list.push(definition);
            }
        }
        Ok(table)
    }

    /// The variable with this index.
    pub fn get(&self, ix: VarIx) -> Option<&Definition> {
        self.list.get(ix.0 as usize)
    }

    /// The index of a name, if the configuration mentions it.
    pub fn index_of(&self, name: &[u8]) -> Option<VarIx> {
        self.indexes.get(&name.to_ascii_lowercase()).copied()
    }

    /// A built-in variable or member of a family, whether the configuration mentions it or not.
    pub fn unindexed(&self, name: &[u8]) -> Option<Definition> {
        let name = name.to_ascii_lowercase();
        if let Some(definition) = self.builtin.get(&name[..]) {
            return Some(definition.clone());
        }
        let longest = self.families.iter().filter(|family| name.starts_with(family.prefix.as_bytes()));
        let family = longest.max_by_key(|family| family.prefix.len())?;
        let get = (family.make)(name.get(family.prefix.len()..)?);
        Some(Definition { get, set: None, cacheable: family.cacheable, changeable: false })
    }
}
