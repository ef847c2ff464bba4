//! `rewrite`, `return`, `set`, `if`, `break`: a small program in each level.
//!
//! *In nginx* `ngx_http_rewrite_module`: the directives of a level are compiled into one array of structs
//! that begin with a function pointer, and a stack machine walks it. An `if` appends the code of its block to
//! the same array and jumps over it when the condition fails; a true `if` of a location also replaces the
//! request's location by the level of the block. Unlike everything else these directives are not inherited: a
//! level has its own program or none.
//!
//! *Here* the same program as a list of [`Op`](program::Op), the block of an `if` nested in it. The program
//! of the server runs in the phase ServerRewrite, that of the location in Rewrite; a changed URI leads back
//! to the search for a location.
//!
//! ```text
//!   set $a b;                     Set(a, "b")
//!   if ($arg_x = 1) {             If(arg_x == "1", level ─▶ the location that the block is)
//!       add_header A b;             (belongs to that level, not to the program)
//!       return 403;                 Return(403)
//!   }
//!   rewrite ^/(.*)$ /x?$1 last;   Rewrite(…) ─▶ stop; phases: back to FindConfig
//! ```
//!
//! *Read next*: `program.rs` (what each step does), `condition.rs` (what `if` can ask), `compile.rs` (from
//! lines to steps).

mod compile;
mod condition;
mod program;

use crate::conf::build::Cx;
use crate::conf::directive::{
    Args, Contexts, Directive, HTTP, LOCATION, LOCATION_IF, Module, SERVER, SERVER_IF,
};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::phases::Phase;
use crate::http::turn::Status;
use crate::settings;
use std::rc::Rc;

settings! {
    /// What this module knows of a level.
    pub struct RewriteConf: Location {
        /// `rewrite_log`
        pub log: bool = false,
        /// `uninitialized_variable_warn`
        pub uninitialized_variable_warn: bool = true,
        plain {
            /// The steps, in the order of the lines; each level has its own.
            pub program: Vec<program::Op> = Vec::new()
        }
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    phases: &[(Phase::ServerRewrite, run), (Phase::Rewrite, run_location)],
    idle: Some(|confs| confs.get::<RewriteConf>().program.is_empty()),
    ..HttpModule::new(&TABLE)
};

const STEPS: Contexts = SERVER | SERVER_IF | LOCATION | LOCATION_IF;

static TABLE: Module = Module {
    name: "http_rewrite",
    directives: &[
        Directive::of("rewrite", STEPS, Args::Between(2, 3))
            .doc(
                "Replaces the URI when the pattern matches it: goes on (no flag), looks for a location \
                 again (last), stays (break), or answers with a redirect (redirect: 302, permanent: 301).",
            )
            .set(compile::rewrite),
        Directive::of("return", STEPS, Args::Between(1, 2))
            .doc(
                "Answers at once with a status and a text or a URL; a URL alone is a 302. 444 closes the \
                 connection without an answer.",
            )
            .set(compile::return_),
        Directive::of("break", STEPS, Args::None)
            .doc("Ends the rewriting of this level.")
            .set(compile::break_),
        Directive::of("if", SERVER | LOCATION, Args::AtLeast(1))
            .block()
            .doc(
                "Runs the block when the condition holds; in a location its other directives then replace \
                 those outside.",
            )
            .set(compile::if_),
        Directive::of("set", STEPS, Args::Exactly(2)).doc("Gives a variable a value.").set(compile::set),
        Directive::of("rewrite_log", HTTP | STEPS, Args::Flag)
            .default("off")
            .doc("Logs what the steps do, at level notice.")
            .set(rewrite_log),
        Directive::of("uninitialized_variable_warn", HTTP | STEPS, Args::Flag)
            .default("on")
            .doc("Logs the use of a variable that no step has set yet.")
            .set(uninitialized_variable_warn),
    ],
};

fn rewrite_log(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    line.flag(&mut cx.conf::<RewriteConf>().log)
}

fn uninitialized_variable_warn(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    line.flag(&mut cx.conf::<RewriteConf>().uninitialized_variable_warn)
}

fn run(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    let level = x[r].loc.clone();
    let conf = level.confs.get::<RewriteConf>();
    if conf.program.is_empty() {
        return Status::Declined;
    }
    program::run(&conf.program, *conf.log, x, r, io)
}

fn run_location(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    // Without a location the level is still the server's, whose program has run already.
    if Rc::ptr_eq(&x[r].loc, &x[r].server.root) {
        return Status::Declined;
    }
    run(x, r, io)
}
