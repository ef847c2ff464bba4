//! Variables: names in the configuration, values in a request.
//!
//! *In nginx* `ngx_http_variable_t`: a name, a getter and flags; names used anywhere in the file get an
//! index, values are cached in the request by it; families such as `$arg_name` are matched by prefix.
//!
//! *Here* the same in three parts: while the file is read, [`VarNames`] hands out indexes and collects
//! definitions; when it has been read, [`VarTable::build`] joins them and refuses a name that nobody
//! defines; in a request, [`get`] caches.
//!
//! ```text
//!   "$host/$arg_x" ─▶ Template [Var 3, "/", Var 9]        VarTable[3] = host, [9] = arg_ with "x"
//!   request: x.variables[3] = Unknown ─▶ Value("example.com")
//! ```
//!
//! Subrequests share the values with their parent, as in nginx.
//!
//! *Read next*: `template.rs`, `core.rs`.

pub mod core;
mod regex;
mod table;
pub mod template;

pub use crate::conf::template::VarIx;
pub use regex::VarRegex;
pub use table::{
    Definition, Family, Get, Set, VarNames, VarTable, constant, declare, declare_weak, definition, index,
};
pub use template::{Part, Template};

use super::exchange::Exchange;
use super::io::Io;
use super::request::Cached;
use crate::buf::Slice;
use crate::event::RequestIx;

/// The value of a variable, asked for again if it may change during a request (nginx:
/// `ngx_http_get_variable`).
pub fn get(x: &mut Exchange, r: RequestIx, io: &mut Io, ix: VarIx) -> Option<Slice> {
    let cycle = io.cycle.clone();
    let variable = cycle.vars.get(ix)?;
    if !variable.cacheable {
        return (variable.get)(x, r, io);
    }
    match x.variables.get(ix.0 as usize) {
        Some(Cached::Value(value)) => return Some(value.clone()),
        Some(Cached::Missing) => return None,
        _ => {}
    }
    let value = (variable.get)(x, r, io);
    store(x, ix, value.clone());
    value
}

/// Puts a value into the cache (`set`, captures, `auth_request_set`).
pub fn store(x: &mut Exchange, ix: VarIx, value: Option<Slice>) {
    let at = ix.0 as usize;
    if x.variables.len() <= at {
        x.variables.resize(at + 1, Cached::Unknown);
    }
    if let Some(cached) = x.variables.get_mut(at) {
        *cached = value.map_or(Cached::Missing, Cached::Value);
    }
}

/// Changes a variable: through its setter if it has one (`$args`, `$limit_rate`), else in the cache.
pub fn assign(x: &mut Exchange, r: RequestIx, io: &mut Io, ix: VarIx, value: Slice) {
    let cycle = io.cycle.clone();
    match cycle.vars.get(ix).and_then(|variable| variable.set.as_ref()) {
        Some(set) => set(x, r, io, &value),
        None => store(x, ix, Some(value)),
    }
}

/// The value of a variable whose name is known only now (SSI, `$` in data); not cached if no directive
/// mentions it.
pub fn by_name(x: &mut Exchange, r: RequestIx, io: &mut Io, name: &[u8]) -> Option<Slice> {
    let cycle = io.cycle.clone();
    if let Some(ix) = cycle.vars.index_of(name) {
        return get(x, r, io, ix);
    }
    let variable = cycle.vars.unindexed(name)?;
    (variable.get)(x, r, io)
}
