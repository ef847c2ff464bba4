//! Where values live while the configuration is read, how a level inherits, and what a request reads.
//!
//! *In nginx*: every module has up to three structs per level (`main_conf`, `srv_conf`, `loc_conf`) in arrays
//! of `void *` indexed by `ctx_index`. A field starts as `NGX_CONF_UNSET`, a bit pattern that no real value
//! may have, and `ngx_conf_merge_value(conf, prev, default)` is written once per field; a forgotten line
//! is a directive that does not inherit.
//!
//! *Here*: a field is a [`Setting`], which knows its default and whether somebody set it, and the
//! [`settings!`](crate::settings) macro writes the merge, so no field can be forgotten. `void *` becomes
//! `dyn Any` with the type checked on the way back. This file must not know which levels exist in nginx.conf
//! beyond their names in [`Scope`].
//!
//! ```text
//!   reading   http {  ConfSet ─┐            each slot: Option<Box<T>>, made when first touched
//!             server {  ConfSet ◀ merge ┐   child takes what it did not set itself, parents first
//!             location {  ConfSet ◀─────┘
//!   serving                 └─ freeze ─▶ Confs   shared, never changed; get::<T>() is index + type check
//! ```
//!
//! *Read next*: `build` (who opens the levels); `value` (what fills a Setting).

use std::any::Any;
use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Which kind of level a module's configuration belongs to; nginx's `main_conf`, `srv_conf`, `loc_conf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One for the process: the main and `events` levels.
    Process,
    /// One for `http {}`.
    Http,
    /// One each for `http {}` and every `server {}`.
    Server,
    /// One each for `http {}`, `server {}`, `location {}`, `if {}` and `limit_except {}`.
    Location,
    /// One for every `upstream {}`.
    Upstream,
}

/// How many scopes there are.
pub(crate) const SCOPES: usize = 5;

/// A value with a default that an outer level or the operator may replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    value: T,
    set: bool,
}

impl<T> Setting<T> {
    /// Unset, reading as `default`.
    pub const fn new(default: T) -> Self {
        Setting { value: default, set: false }
    }

    /// Gives it a value of this level.
    pub fn set(&mut self, value: T) {
        self.value = value;
        self.set = true;
    }

    /// Whether this level, or a level it was merged with, gave a value.
    pub fn is_set(&self) -> bool {
        self.set
    }

    /// The value to be changed in place; counts as set. For directives that add up, as `proxy_set_header`.
    pub fn edit(&mut self) -> &mut T {
        self.set = true;
        &mut self.value
    }

    /// The value, taken out.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T: Clone> Setting<T> {
    /// Inherits: takes the parent's value unless this level has its own.
    pub fn merge(&mut self, parent: &Self) {
        if !self.set {
            self.clone_from(parent);
        }
    }
}

impl<T: Default> Default for Setting<T> {
    fn default() -> Self {
        Setting::new(T::default())
    }
}

impl<T> Deref for Setting<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// A module's configuration of one level. Usually written by [`settings!`](crate::settings); by hand, with
/// [`conf_slot!`](crate::conf_slot) for `slot`, when merging is special.
pub trait Conf: Any + Default {
    /// The kind of level it belongs to.
    const SCOPE: Scope;

    /// Its index among the types of that scope: the same for the life of the process.
    fn slot() -> usize;

    /// Inherits from the level outside; called parents first. An Err is a sentence without a place.
    fn merge(&mut self, _parent: &Self) -> Result<(), String> {
        Ok(())
    }
}

/// The next free slot number of a scope. Called by [`conf_slot!`](crate::conf_slot) only.
pub fn next_slot(scope: Scope) -> usize {
    static NEXT: [AtomicUsize; SCOPES] = [const { AtomicUsize::new(0) }; SCOPES];
    NEXT[scope as usize].fetch_add(1, Ordering::Relaxed)
}

/// Writes `fn slot()` inside an `impl Conf for …`.
#[macro_export]
macro_rules! conf_slot {
    () => {
        fn slot() -> usize {
            static SLOT: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
            *SLOT.get_or_init(|| $crate::conf::merge::next_slot(<Self as $crate::conf::merge::Conf>::SCOPE))
        }
    };
}

/// Declares a module's configuration of one level: the struct, its defaults, its merge and its slot.
///
/// Each field becomes a [`Setting`]. Those of an optional `groups` section behind them are themselves
/// declared so, and inherit field by field. Fields of the optional `plain` section at the end stay as
/// they are and are not inherited: lists that a level collects for itself, compiled results.
///
/// ```
/// use headwater::conf::merge::{Conf, ConfSet};
/// headwater::settings! {
///     /// How responses are written.
///     pub struct Output: Location {
///         /// `sendfile`
///         pub sendfile: bool = false,
///         /// `output_buffers`: number and size
///         pub buffers: (u64, u64) = (2, 32768),
///         plain { /// what was seen on the way
///             pub notes: Vec<String> = Vec::new() }
///     }
/// }
/// let (mut http, mut location) = (ConfSet::default(), ConfSet::default());
/// http.get_mut::<Output>().sendfile.set(true);
/// location.merge(&http).unwrap();
/// assert!(*location.freeze().get::<Output>().sendfile);
/// ```
#[macro_export]
macro_rules! settings {
    ( $(#[$meta:meta])* $vis:vis struct $name:ident : $scope:ident {
        $( $(#[$fm:meta])* pub $field:ident : $ty:ty = $default:expr, )*
        $( groups { $( $(#[$gm:meta])* pub $gfield:ident : $gty:ty ),* $(,)? } $(,)? )?
        $( plain { $( $(#[$pm:meta])* pub $pfield:ident : $pty:ty = $pdefault:expr ),* $(,)? } $(,)? )?
    } ) => {
        $(#[$meta])*
        $vis struct $name {
            $( $(#[$fm])* pub $field: $crate::conf::merge::Setting<$ty>, )*
            $( $( $(#[$gm])* pub $gfield: $gty, )* )?
            $( $( $(#[$pm])* pub $pfield: $pty, )* )?
        }
        impl Default for $name {
            fn default() -> Self {
                $name {
                    $( $field: $crate::conf::merge::Setting::new($default), )*
                    $( $( $gfield: Default::default(), )* )?
                    $( $( $pfield: $pdefault, )* )?
                }
            }
        }
        impl $crate::conf::merge::Conf for $name {
            const SCOPE: $crate::conf::merge::Scope = $crate::conf::merge::Scope::$scope;
            $crate::conf_slot!();
            fn merge(&mut self, _parent: &Self) -> Result<(), String> {
                $( self.$field.merge(&_parent.$field); )*
                $( $( $crate::conf::merge::Conf::merge(&mut self.$gfield, &_parent.$gfield)?; )* )?
                Ok(())
            }
        }
    };
    // The same without a comma after the last setting.
    ( $(#[$meta:meta])* $vis:vis struct $name:ident : $scope:ident {
        $( $(#[$fm:meta])* pub $field:ident : $ty:ty = $default:expr ),+
    } ) => {
        $crate::settings! { $(#[$meta])* $vis struct $name : $scope {
            $( $(#[$fm])* pub $field : $ty = $default, )+
        } }
    };
}

/// A value of unknown type with what is needed to inherit and to make another one.
struct Slot {
    value: Box<dyn Any>,
    create: fn() -> Box<dyn Any>,
    merge: fn(&mut dyn Any, &dyn Any) -> Result<(), String>,
}

impl Slot {
    fn of<T: Conf>() -> Slot {
        Slot { value: Box::new(T::default()), create: || Box::new(T::default()), merge: merge_any::<T> }
    }

    fn another(&self) -> Slot {
        Slot { value: (self.create)(), create: self.create, merge: self.merge }
    }
}

fn merge_any<T: Conf>(child: &mut dyn Any, parent: &dyn Any) -> Result<(), String> {
    match (child.downcast_mut::<T>(), parent.downcast_ref::<T>()) {
        (Some(child), Some(parent)) => child.merge(parent),
        _ => Err("configuration types of two levels differ".to_owned()),
    }
}

/// The configurations of one level and scope while the file is being read.
#[derive(Default)]
pub struct ConfSet {
    slots: Vec<Option<Slot>>,
}

impl ConfSet {
    /// The module's configuration of this level, or its defaults when no directive touched it.
    pub fn get<T: Conf>(&self) -> &T {
        match self.slots.get(T::slot()) {
            Some(Some(slot)) => slot.value.downcast_ref().unwrap_or_else(defaults),
            _ => defaults(),
        }
    }

    /// The module's configuration of this level, made with its defaults when first asked for.
    pub fn get_mut<T: Conf>(&mut self) -> &mut T {
        let at = T::slot();
        if self.slots.len() <= at {
            self.slots.resize_with(at + 1, || None);
        }
        // Slot numbers are unique per scope and sets are too, so the type is always the one that was put in.
        let slot = self.slots[at].get_or_insert_with(Slot::of::<T>);
        if !slot.value.is::<T>() {
            *slot = Slot::of::<T>();
        }
        match slot.value.downcast_mut() {
            Some(value) => value,
            // Cannot be; a leaked value keeps the function total without a panic.
            None => Box::leak(Box::default()),
        }
    }

    /// Inherits from the level outside, every type that either level has. Parents must be merged first.
    /// An Err is a module's sentence without a place.
    pub fn merge(&mut self, parent: &ConfSet) -> Result<(), String> {
        if self.slots.len() < parent.slots.len() {
            self.slots.resize_with(parent.slots.len(), || None);
        }
        for (at, own) in self.slots.iter_mut().enumerate() {
            let outer = parent.slots.get(at).and_then(Option::as_ref);
            // A type that only one level has meets the other level's defaults.
            match (own, outer) {
                (Some(own), Some(outer)) => (own.merge)(&mut *own.value, &*outer.value)?,
                (Some(own), None) => (own.merge)(&mut *own.value, &*(own.create)())?,
                (own @ None, Some(outer)) => {
                    let own = own.insert(outer.another());
                    (own.merge)(&mut *own.value, &*outer.value)?;
                }
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// Ends building: from here on the values are only read and may be shared.
    pub fn freeze(self) -> Confs {
        Confs { slots: self.slots.into_iter().map(|slot| slot.map(|slot| Rc::from(slot.value))).collect() }
    }
}

/// The configurations of one level and scope as requests read them. Cheap to look into, never changed.
#[derive(Default)]
pub struct Confs {
    slots: Box<[Option<Rc<dyn Any>>]>,
}

impl Confs {
    /// The module's configuration, or its defaults when nothing was ever set.
    pub fn get<T: Conf>(&self) -> &T {
        match self.slots.get(T::slot()) {
            Some(Some(value)) => value.downcast_ref().unwrap_or_else(defaults),
            _ => defaults(),
        }
    }

    /// The same, to be kept by who reads it often or must outlive the level.
    pub fn rc<T: Conf>(&self) -> Rc<T> {
        let own = self.slots.get(T::slot()).and_then(Option::as_ref).and_then(|v| v.clone().downcast().ok());
        own.unwrap_or_else(|| shared_defaults::<T>().clone())
    }
}

/// A type's defaults, one value for each type and thread, kept for the life of the thread.
pub fn defaults<'a, T: Conf>() -> &'a T {
    shared_defaults::<T>()
}

/// By slot number.
type Kept = Vec<Option<&'static dyn Any>>;

fn shared_defaults<T: Conf>() -> &'static Rc<T> {
    thread_local! {
        static KEPT: RefCell<[Kept; SCOPES]> = const { RefCell::new([const { Vec::new() }; SCOPES]) };
    }
    let (scope, at) = (T::SCOPE as usize, T::slot());
    let known = KEPT.with(|kept| kept.borrow()[scope].get(at).copied().flatten());
    if let Some(value) = known.and_then(|value| value.downcast_ref::<Rc<T>>()) {
        return value;
    }
    let value: &'static Rc<T> = Box::leak(Box::new(Rc::new(T::default())));
    KEPT.with(|kept| {
        let slots = &mut kept.borrow_mut()[scope];
        if slots.len() <= at {
            slots.resize(at + 1, None);
        }
        slots[at] = Some(value);
    });
    value
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
