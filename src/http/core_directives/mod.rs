//! The directives of the HTTP core.
//!
//! *In nginx* the table `ngx_http_core_commands`.
//!
//! *Here* the same table in parts by subject; a row is data and one function that stores.
//!
//! *Read next*: `conf/directive.rs`.

pub mod types;

use super::block;
use super::conf::{CoreLocation, CoreServer};
use super::listen;
use super::module::HttpModule;
use super::output::chunked;
use super::server::ServerName;
use super::vars::{Template, VarRegex, core};
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, HTTP, LOCATION, LOCATION_IF, MAIN, Module, SERVER, UPSTREAM};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;

/// The module.
pub static MODULE: HttpModule = HttpModule {
    filters: &[chunked::FILTER],
    variables: Some(core::variables),
    families: &core::FAMILIES,
    ..HttpModule::new(&TABLE)
};

const ALL: u32 = HTTP | SERVER | LOCATION;
const _: u32 = UPSTREAM;

static TABLE: Module = Module {
    name: "http_core",
    directives: &[
        Directive {
            name: "http",
            contexts: MAIN,
            args: Args::None,
            block: true,
            default: "",
            doc: "Holds everything about HTTP.",
            set: block::http,
        },
        Directive {
            name: "server",
            contexts: HTTP,
            args: Args::None,
            block: true,
            default: "",
            doc: "A virtual server.",
            set: block::server,
        },
        Directive {
            name: "upstream",
            contexts: HTTP,
            args: Args::Exactly(1),
            block: true,
            default: "",
            doc: "A group of servers to pass requests to.",
            set: block::upstream,
        },
        Directive {
            name: "location",
            contexts: SERVER | LOCATION,
            args: Args::Between(1, 2),
            block: true,
            default: "",
            doc: "What holds for some paths.",
            set: block::location,
        },
        Directive {
            name: "listen",
            contexts: SERVER,
            args: Args::AtLeast(1),
            block: false,
            default: "*:80",
            doc: "An address this server answers on.",
            set: listen::set,
        },
        Directive {
            name: "server_name",
            contexts: SERVER,
            args: Args::AtLeast(1),
            block: false,
            default: "\"\"",
            doc: "The names this server answers for.",
            set: server_name,
        },
        Directive {
            name: "types",
            contexts: ALL,
            args: Args::None,
            block: true,
            default: "text/html html; image/gif gif; image/jpeg jpg;",
            doc: "Which extensions have which content type.",
            set: types::set,
        },
        Directive {
            name: "root",
            contexts: ALL | LOCATION_IF,
            args: Args::Exactly(1),
            block: false,
            default: "html",
            doc: "The folder that paths are looked up in.",
            set: root,
        },
    ],
};

fn server_name(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    for arg in &line.args {
        let name = match arg.bytes().split_first() {
            Some((b'~', pattern)) => {
                let caseless = pattern.iter().any(u8::is_ascii_uppercase);
                ServerName::Regex(VarRegex::compile(cx, line, pattern, caseless)?)
            }
            _ => ServerName::Plain(Slice::from(arg.bytes().to_ascii_lowercase())),
        };
        cx.conf::<CoreServer>().names.push(name);
    }
    Ok(())
}

fn root(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let path = cx.path(line.arg(0)?.bytes());
    let template = Template::compile(cx, line, path.as_os_str().as_encoded_bytes())?;
    line.store(&mut cx.conf::<CoreLocation>().root, template)
}
