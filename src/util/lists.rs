//! Lists that are filled and emptied for each request.
//!
//! *In nginx* arrays and lists live in the request's pool and go with it.
//!
//! *Here* a request's memory serves the next one, so its lists keep theirs: what a request needs, the next
//! one probably needs as well. A single large one must not make all that follow it large for good, so there
//! is a bound.
//!
//! *Read next*: `http/exchange.rs`, whose memory is used again; `protocol/fields.rs`.

/// How many elements a list that is used again may keep room for.
const KEPT: usize = 64;

/// Empties a list that will be used again; it keeps its memory unless that is much.
#[inline(always)]
pub fn empty<T>(list: &mut Vec<T>) {
    // Most lists have never had anything in them.
    if list.capacity() != 0 {
        empty_used(list);
    }
}

fn empty_used<T>(list: &mut Vec<T>) {
    list.clear();
    if list.capacity() > KEPT {
        *list = Vec::new();
    }
}
