//! Directives about where files are and what they are.
//!
//! *In nginx* `ngx_http_core_root` (for `root` and `alias`) and `ngx_http_core_types`.
//!
//! *Here* likewise. An `alias` replaces the part of the path that the location matched: its length is
//! kept beside the folder.
//!
//! *Read next*: `http/files.rs`, which makes file names of paths.

use super::super::block::open_location_name;
use super::super::conf::CoreLocation;
use super::super::location::LocationKind;
use super::super::module::HttpModule;
use super::super::vars::Template;
use super::types;
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, LOCATION, LOCATION_IF, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;

/// The module.
pub static MODULE: HttpModule = HttpModule::new(&TABLE);

/// The length in `alias` when the whole path is replaced: in a location with a regular expression.
pub const WHOLE: usize = usize::MAX;

static TABLE: Module = Module {
    name: "http_core_files",
    directives: &[
        Directive::of("root", LEVELS | LOCATION_IF, Args::Exactly(1))
            .default("html")
            .doc("The folder that paths are looked up in.")
            .set(root),
        Directive::of("alias", LOCATION, Args::Exactly(1))
            .doc("What takes the place of the location in a path.")
            .set(root),
        Directive::of("types", LEVELS, Args::None)
            .block()
            .doc("Which extensions have which content type.")
            .set(types::set),
        Directive::of("default_type", LEVELS, Args::Exactly(1))
            .default("text/plain")
            .doc("The content type of everything else.")
            .set(|cx, line| {
                let kind = Slice::copy(line.arg(0)?.bytes());
                line.store(&mut cx.conf::<CoreLocation>().default_type, kind)
            }),
    ],
};

fn root(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let is_alias = line.name.is("alias");
    let conf = cx.conf::<CoreLocation>();
    if let Some(earlier) = conf.root_seen {
        if earlier == is_alias {
            return Err(line.directive_err("is duplicate"));
        }
        let earlier = if earlier { "alias" } else { "root" };
        return Err(
            line.directive_err(format_args!("is duplicate, \"{earlier}\" directive was specified earlier"))
        );
    }
    conf.root_seen = Some(is_alias);
    let text = line.arg(0)?.bytes().to_vec();
    if [&b"$document_root"[..], b"${document_root}", b"$realpath_root", b"${realpath_root}"]
        .iter()
        .any(|name| memchr::memmem::find(&text, name).is_some())
    {
        let name = if memchr::memmem::find(&text, b"document_root").is_some() {
            "document_root"
        } else {
            "realpath_root"
        };
        return Err(
            line.err(format_args!("the ${name} variable cannot be used in the \"{}\" directive", line.name))
        );
    }
    let mut path =
        if text.starts_with(b"$") { text } else { cx.path(&text).into_os_string().into_encoded_bytes() };
    if !is_alias && path.ends_with(b"/") {
        path.pop();
    }
    let template = Template::compile(cx, line, &path)?;
    let alias = match open_location_name() {
        _ if !is_alias => None,
        (LocationKind::Named, _) => {
            return Err(line.err("the \"alias\" directive cannot be used inside the named location"));
        }
        (LocationKind::Regex(_), _) => Some(WHOLE),
        (_, name) => Some(name.len()),
    };
    let conf = cx.conf::<CoreLocation>();
    conf.root.set(template);
    conf.alias.set(alias);
    Ok(())
}
