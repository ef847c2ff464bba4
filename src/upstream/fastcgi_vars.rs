//! `$fastcgi_script_name` and `$fastcgi_path_info`.
//!
//! *In nginx* they are variables of the FastCGI module, and stand in its file.
//!
//! *Here* protocols know no variables of requests, so what a path means is worked out there
//! ([`script`]) and asked here, where requests are known. Any location may ask, not only one
//! that passes to FastCGI.
//!
//! ```text
//!   $fastcgi_script_name ─▶ script(settings of the location, path) ─▶ name, what follows it
//! ```
//!
//! *Read next*: `protocol/fastcgi/script.rs`.

use crate::buf::Slice;
use crate::conf::directive::Module;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::module::HttpModule;
use crate::http::vars::{Definition, definition};
use crate::protocol::fastcgi::{FastCgiLocation, script};

/// The module of the two variables; it has no directives.
pub static MODULE: HttpModule = HttpModule { variables: Some(variables), ..HttpModule::new(&NONE) };

static NONE: Module = Module { name: "fastcgi_variables", directives: &[] };

fn variables() -> Vec<(&'static str, Definition)> {
    vec![
        ("fastcgi_script_name", definition(|x, r, _| Some(parts(x, r).0)).volatile()),
        ("fastcgi_path_info", definition(|x, r, _| Some(parts(x, r).1)).volatile()),
    ]
}

fn parts(x: &Exchange, r: RequestIx) -> (Slice, Slice) {
    script(x[r].loc.confs.get::<FastCgiLocation>(), &x[r].uri)
}
