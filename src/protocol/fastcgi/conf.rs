//! The directives that are FastCGI's own.
//!
//! *In nginx* five of the fifty-nine rows of `ngx_http_fastcgi_commands`; the rest are shared ones
//! under its name.
//!
//! *Here* those five. `fastcgi_split_path_info` and `fastcgi_index` change nothing by themselves: they
//! are what the variables that a `fastcgi_param SCRIPT_FILENAME` is made of are worked out from.
//!
//! A list (`fastcgi_param`, `fastcgi_catch_stderr`) is inherited as a whole, where a level has none of
//! its own.
//!
//! *Read next*: `script.rs`.

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::conf::error::ConfError;
use crate::conf::pattern::Pattern;
use crate::conf::tree::Line;
use crate::protocol::params::{Param, param};
use std::rc::Rc;

crate::settings! {
    /// FastCGI's own directives, at one level.
    #[derive(Debug)]
    pub struct FastCgiLocation: Location {
        /// `fastcgi_param`
        pub params: Vec<Param> = Vec::new(),
        /// `fastcgi_index`; empty for none
        pub index: Slice = Slice::EMPTY,
        /// `fastcgi_split_path_info`
        pub split_path_info: Option<Rc<Pattern>> = None,
        /// `fastcgi_keep_conn`
        pub keep_conn: bool = false,
        /// `fastcgi_catch_stderr`
        pub catch_stderr: Vec<Slice> = Vec::new(),
    }
}

/// The table.
pub static MODULE: Module = Module {
    name: "fastcgi",
    directives: &[
        Directive::of("fastcgi_param", LEVELS, Args::Between(2, 3))
            .doc(
                "A parameter for the FastCGI server; with if_not_empty only when its value is not empty. A \
                 level that has any takes none from outside.",
            )
            .set(|cx, line| {
                let param = param(cx, line)?;
                cx.conf::<FastCgiLocation>().params.edit().push(param);
                Ok(())
            }),
        Directive::of("fastcgi_index", LEVELS, Args::Exactly(1))
            .doc("What $fastcgi_script_name has behind a path that ends with a slash.")
            .set(|cx, line| {
                let index = Slice::copy(line.arg(0)?);
                line.store(&mut cx.conf::<FastCgiLocation>().index, index)
            }),
        Directive::of("fastcgi_split_path_info", LEVELS, Args::Exactly(1))
            .doc(
                "A regular expression whose first group is $fastcgi_script_name and whose second is \
                 $fastcgi_path_info.",
            )
            .set(split_path_info),
        Directive::of("fastcgi_keep_conn", LEVELS, Args::Flag)
            .default("off")
            .doc(
                "Whether the server is asked to leave the connection open behind a request, so that \
                 `keepalive` has something to keep.",
            )
            .set(|cx, line| line.flag(&mut cx.conf::<FastCgiLocation>().keep_conn)),
        Directive::of("fastcgi_catch_stderr", LEVELS, Args::Exactly(1))
            .doc(
                "A text that makes a reply invalid (see fastcgi_next_upstream) if the program says it on \
                 its standard error before the header is complete.",
            )
            .set(|cx, line| {
                let text = Slice::copy(line.arg(0)?);
                cx.conf::<FastCgiLocation>().catch_stderr.edit().push(text);
                Ok(())
            }),
    ],
};

fn split_path_info(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let text = line.arg(0)?;
    let pattern = Pattern::compile(cx, line, text, false)?;
    if pattern.regex().groups() != 3 {
        return Err(line.err(format_args!("pattern \"{text}\" must have 2 captures")));
    }
    line.store(&mut cx.conf::<FastCgiLocation>().split_path_info, Some(pattern))
}
