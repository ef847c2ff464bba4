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
use crate::conf::error::{ConfError, Place};
use crate::conf::merge::{Conf, Scope};
use crate::conf::template::Names;
pub use crate::conf::template::index;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::util::fold::FoldMap;
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

/// Definitions that directives make, while the file is being read; the names are in [`Names`]. Whether a name
/// is one of the built-in ones shows only in [`VarTable::build`].
#[derive(Default)]
pub struct VarNames {
    strong: HashMap<Vec<u8>, Declared>,
    /// For names that nobody defines otherwise, families included (nginx: `NGX_HTTP_VAR_WEAK`).
    weak: HashMap<Vec<u8>, Declared>,
}

/// A definition and where it stands.
struct Declared {
    definition: Definition,
    place: Place,
}

impl Declared {
    fn duplicate(&self, name: &[u8]) -> ConfError {
        let name = String::from_utf8_lossy(name);
        ConfError::at(format_args!("the duplicate \"{name}\" variable"), &self.place)
    }
}

impl Conf for VarNames {
    const SCOPE: Scope = Scope::Http;
    crate::conf_slot!();
}

/// Defines a variable for a directive (`map … $name`, `geo`); `name` has its `$`.
///
/// # Errors
/// No `$`, no name, or a name that is taken for good.
pub fn declare(cx: &mut Cx, line: &Line, name: &[u8], definition: Definition) -> Result<VarIx, ConfError> {
    let (key, ix) = named(cx, line, name)?;
    let declared = Declared { definition, place: line.at.clone() };
    let names = cx.conf::<VarNames>();
    if names.strong.get(&key).is_some_and(|earlier| !earlier.definition.changeable) {
        return Err(declared.duplicate(&key));
    }
    names.strong.insert(key, declared);
    Ok(ix)
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
    let (key, ix) = named(cx, line, name)?;
    let declared = Declared { definition, place: line.at.clone() };
    let names = cx.conf::<VarNames>();
    if names.strong.get(&key).is_some_and(|earlier| !earlier.definition.changeable) {
        return Err(declared.duplicate(&key));
    }
    names.weak.entry(key).or_insert(declared);
    Ok(ix)
}

/// The name without its `$`, in lower case, and its number.
fn named(cx: &mut Cx, line: &Line, name: &[u8]) -> Result<(Vec<u8>, VarIx), ConfError> {
    let Some(bare) = name.strip_prefix(b"$").filter(|bare| !bare.is_empty()) else {
        let shown = String::from_utf8_lossy(name);
        return Err(line.err(format_args!("invalid variable name \"{shown}\"")));
    };
    Ok((bare.to_ascii_lowercase(), index(cx, bare)))
}

/// All variables of a configuration.
#[derive(Default)]
pub struct VarTable {
    list: Vec<Definition>,
    indexes: FoldMap<Vec<u8>, VarIx>,
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
    ) -> Result<VarTable, ConfError> {
        let mut table = VarTable { families, ..VarTable::default() };
        table.builtin = builtin.into_iter().map(|(name, definition)| (name.as_bytes(), definition)).collect();
        table.judge(defined)?;
        for (number, name) in names.list().iter().enumerate() {
            let captured = names.is_captured(VarIx(number as u32)).then(constant);
            let of = |map: &HashMap<Vec<u8>, Declared>| map.get(name).map(|found| found.definition.clone());
            let definition = of(&defined.strong).or_else(|| table.unindexed(name));
            let definition = definition.or_else(|| of(&defined.weak)).or(captured);
            let Some(definition) = definition else {
                let name = String::from_utf8_lossy(name);
                return Err(ConfError::new(format!("unknown \"{name}\" variable")));
            };
            table.list.push(definition);
        }
        table.indexes = names.take_table();
        for (name, Declared { definition, .. }) in defined.strong.drain() {
            if !table.indexes.contains_key(&name) {
                table.indexes.insert(name, VarIx(table.list.len() as u32));
                table.list.push(definition);
            }
        }
        Ok(table)
    }

    /// Looks which definitions meet a built-in variable: most of these may not be replaced, and one that
    /// takes values itself (`$args`) stays what it is.
    fn judge(&self, defined: &mut VarNames) -> Result<(), ConfError> {
        for (name, declared) in defined.strong.iter().chain(&defined.weak) {
            if self.builtin.get(&name[..]).is_some_and(|builtin| !builtin.changeable) {
                return Err(declared.duplicate(name));
            }
        }
        let stays = |name: &[u8]| self.builtin.get(name).is_some_and(|builtin| builtin.set.is_some());
        defined.strong.retain(|name, _| !stays(name));
        Ok(())
    }

    /// The variable with this index.
    pub fn get(&self, ix: VarIx) -> Option<&Definition> {
        self.list.get(ix.0 as usize)
    }

    /// The index of a name, if the configuration mentions it.
    pub fn index_of(&self, name: &[u8]) -> Option<VarIx> {
        let found = match name.iter().any(u8::is_ascii_uppercase) {
            true => self.indexes.get(&name.to_ascii_lowercase()),
            false => self.indexes.get(name),
        };
        found.copied()
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
