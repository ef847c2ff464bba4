//! Setters of shared directives that are more than one value.
//!
//! *In nginx* `ngx_http_upstream_bind_set_slot`, `ngx_conf_set_path_slot`, `ngx_conf_set_access_slot`
//! and their like.
//!
//! *Here* the same, each for any prefix.
//!
//! *Read next*: `pass.rs`, the setter of the pass directive.

use super::of;
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::error::ConfError;
use crate::conf::merge::Setting;
use crate::conf::template::Template;
use crate::conf::tree::Line;
use crate::conf::value::parse_size;
use crate::http::cache_conf::Zone;
use crate::http::core_directives::client;
use crate::http::upstream_conf::{Bind, Store, UpstreamConf, ignored, next_on};
use crate::util::address::Address;
use std::net::SocketAddr;

/// The words of `next_upstream`.
pub const NEXT: &[(&str, u32)] = &[
    ("error", next_on::ERROR),
    ("timeout", next_on::TIMEOUT),
    ("invalid_header", next_on::INVALID_HEADER),
    ("invalid_response", next_on::INVALID_HEADER),
    ("non_idempotent", next_on::NON_IDEMPOTENT),
    ("http_500", next_on::HTTP_500),
    ("http_502", next_on::HTTP_502),
    ("http_503", next_on::HTTP_503),
    ("http_504", next_on::HTTP_504),
    ("http_403", next_on::HTTP_403),
    ("http_404", next_on::HTTP_404),
    ("not_found", next_on::HTTP_404),
    ("http_429", next_on::HTTP_429),
    ("no_live", next_on::NO_LIVE),
    ("updating", next_on::UPDATING),
    ("off", next_on::OFF),
];

/// The words of `ignore_headers`.
pub const IGNORED: &[(&str, u32)] = &[
    ("X-Accel-Redirect", ignored::XA_REDIRECT),
    ("X-Accel-Expires", ignored::XA_EXPIRES),
    ("X-Accel-Limit-Rate", ignored::XA_LIMIT_RATE),
    ("X-Accel-Buffering", ignored::XA_BUFFERING),
    ("X-Accel-Charset", ignored::XA_CHARSET),
    ("Expires", ignored::EXPIRES),
    ("Cache-Control", ignored::CACHE_CONTROL),
    ("Set-Cookie", ignored::SET_COOKIE),
    ("Vary", ignored::VARY),
];

/// Words of a table, or-ed together, with a warning for each that is there already.
pub fn bits(
    cx: &mut Cx,
    line: &Line,
    suffix: &str,
    field: fn(&mut UpstreamConf) -> &mut Setting<u32>,
    table: &[(&str, u32)],
) -> Result<(), ConfError> {
    let conf = of(cx, line, suffix)?;
    let before = Some(&*field(conf)).filter(|mask| mask.is_set()).map_or(0, |mask| **mask);
    line.bits(field(conf), table)?;
    cx.warn_repeated(line);
    for arg in &line.args {
        // Lines add up, so a word may also stand in an earlier one.
        let row = table.iter().find(|(word, _)| arg.eq_ignore_ascii_case(word.as_bytes()));
        if row.is_some_and(|(_, bit)| before & bit != 0) {
            cx.warn(&line.at, format_args!("duplicate value \"{arg}\""));
        }
    }
    Ok(())
}

/// `send_lowat SIZE`
///
/// NGINX: taken with a warning where the system has nothing like it, so that files written for others load.
pub fn send_lowat(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let lowat = &mut of(cx, line, "send_lowat")?.send_lowat;
    line.size(lowat)?;
    cx.warn(&line.at, format_args!("\"{}\" is not supported, ignored", line.name));
    Ok(())
}

/// `bind ADDRESS [transparent]`, `bind off`
pub fn bind(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    line.refuse_duplicate(of(cx, line, "bind")?.bind.is_set())?;
    let arg = line.arg(0)?;
    let transparent = match line.args.get(1) {
        None => false,
        Some(word) if word.is("transparent") => true,
        Some(word) => return Err(word.invalid_parameter(&["transparent"])),
    };
    let bind = if arg.is("off") {
        Bind::Off
    } else {
        let template = Template::compile(cx, line, arg)?;
        let address = match template.as_constant() {
            Some(_) => {
                let text = arg.as_str()?;
                let bare = || Some(Address::Ip(SocketAddr::new(text.parse().ok()?, 0)));
                let address = Address::parse(text, 0).or_else(bare).filter(|address| !address.is_unix());
                Some(address.ok_or_else(|| line.err(format_args!("invalid address \"{arg}\"")))?)
            }
            None => None,
        };
        Bind::To(template, address)
    };
    let conf = of(cx, line, "bind")?;
    conf.bind.set(bind);
    conf.bind_transparent.set(transparent);
    Ok(())
}

/// `socket_rcvbuf SIZE`
pub fn rcvbuf(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let size = size(line)?;
    line.store(&mut of(cx, line, "socket_rcvbuf")?.socket_rcvbuf, Some(size))
}

/// `socket_sndbuf SIZE`
pub fn sndbuf(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let size = size(line)?;
    line.store(&mut of(cx, line, "socket_sndbuf")?.socket_sndbuf, Some(size))
}

fn size(line: &Line) -> Result<u64, ConfError> {
    parse_size(line.arg(0)?).ok_or_else(|| line.directive_err("invalid value"))
}

/// `buffers NUMBER SIZE`
pub fn buffers(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    line.buffers(&mut of(cx, line, "buffers")?.buffers)
}

/// `temp_path FOLDER [LEVELS…]`
pub fn temp_path(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let path = client::temp_path(cx, line)?;
    line.store(&mut of(cx, line, "temp_path")?.temp_path, Some(path))
}

/// `limit_rate RATE`; the rate may have variables
pub fn limit_rate(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let template = client::size_template(cx, line)?;
    line.store(&mut of(cx, line, "limit_rate")?.limit_rate, Some(template))
}

/// Adds a name to a list of fields.
pub fn header_name(
    cx: &mut Cx,
    line: &Line,
    suffix: &str,
    list: fn(&mut UpstreamConf) -> &mut Vec<Slice>,
) -> Result<(), ConfError> {
    let name = Slice::copy(line.arg(0)?);
    list(of(cx, line, suffix)?).push(name);
    Ok(())
}

/// `store on | off | PATH`
pub fn store(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let arg = line.arg(0)?;
    let store = if arg.is("off") {
        Store::Off
    } else if arg.is("on") {
        Store::On
    } else {
        let path = cx.path(arg);
        Store::Path(Template::compile(cx, line, path.as_os_str().as_encoded_bytes())?)
    };
    let conf = of(cx, line, "store")?;
    if store != Store::Off && conf.cache.zone.is_set() && !matches!(*conf.cache.zone, Zone::Off) {
        let prefix = line.name.as_str()?.trim_end_matches("_store");
        return Err(line.directive_err(format_args!("is incompatible with \"{prefix}_cache\"")));
    }
    line.store(&mut conf.store, store)
}

/// `store_access user:rw group:r all:r`
pub fn store_access(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let mut mode = 0o600;
    for arg in &line.args {
        let invalid = || line.err(format_args!("invalid value \"{arg}\""));
        let (who, rights) = arg.as_str()?.split_once(':').ok_or_else(invalid)?;
        let bits = match rights {
            "rw" => 0o6,
            "r" => 0o4,
            _ => return Err(invalid()),
        };
        mode |= match who {
            "user" => bits << 6,
            "group" => bits << 3,
            "all" => bits << 3 | bits,
            _ => return Err(invalid()),
        };
    }
    line.store(&mut of(cx, line, "store_access")?.store_access, mode)
}

#[cfg(test)]
mod tests {
    use super::NEXT;
    use crate::balance::server::CLASSES;

    #[test]
    fn failures_have_the_same_bits_for_next_upstream_and_for_fail_on() {
        for class in CLASSES {
            assert!(NEXT.contains(class), "{class:?}");
        }
    }
}
