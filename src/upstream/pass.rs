//! The pass directive: where a location passes its requests to.
//!
//! *In nginx* `ngx_http_proxy_pass`, `ngx_http_memcached_pass` and so on, `ngx_parse_url`,
//! `ngx_http_upstream_add`; with variables `ngx_http_proxy_eval` for each request.
//!
//! *Here* one setter for all protocols. [`parse`] takes a URL apart, when the line is read or, with
//! variables, when a request asks. Peers are found when all of `http {}` has been read, because an
//! `upstream` block may stand behind the line that names it.
//!
//! ```text
//!   http://backend:8080/path?x      memcached: backend:11211        http://unix:/run/s:/path
//!          └ authority ┘└ uri ─┘               └ authority ┘               └ authority ┘└uri┘
//! ```
//!
//! *Read next*: `modules.rs` for who calls this, `init.rs` for who uses it.

use super::directives;
use super::modules::Waiting;
use crate::buf::Slice;
use crate::buf::temp_file::TempPath;
use crate::conf::build::Cx;
use crate::conf::directive::{LIMIT_EXCEPT, LOCATION_IF};
use crate::conf::error::ConfError;
use crate::conf::template::Template;
use crate::conf::tree::Line;
use crate::http::block::open_location_name;
use crate::http::conf::{CoreLocation, CoreServer};
use crate::http::location::LocationKind;
use crate::http::request::ContentHandler;
use crate::http::upstream_conf::{Parts, Pass};
use crate::protocol::{Kind, Protocol, Target};
use std::cell::OnceCell;
use std::rc::Rc;

/// Sets `NAME_pass` of protocol `P`; `handler` becomes the location's content handler.
pub fn set<P: Protocol>(cx: &mut Cx, line: &Line, handler: ContentHandler) -> Result<(), ConfError> {
    line.refuse_duplicate(directives::of(cx, line, "pass")?.pass.is_some())?;
    let url = match P::PASS_DEFAULT {
        Some(default) if line.args.is_empty() => Slice::from(default),
        _ => Slice::copy(line.arg(0)?),
    };
    if P::TUNNELS {
        // Requests without a path are for nobody else.
        cx.conf::<CoreServer>().accepts_connect = true;
    }
    let template = Template::compile(cx, line, &url)?;
    let (kind, name) = open_location_name();
    let parts = match template.as_constant() {
        Some(_) => parse(&url, &Kind::of::<P>()).map_err(|text| line.err(text))?,
        None => Parts::default(),
    };
    let has_uri = parts.uri.is_some();
    let in_block = cx.context() & (LOCATION_IF | LIMIT_EXCEPT) != 0;
    if has_uri && (in_block || matches!(kind, LocationKind::Regex(_) | LocationKind::Named)) {
        return Err(line.err(format_args!(
            "\"{}\" cannot have URI part in location given by regular expression, or inside named location, \
             or inside \"if\" statement, or inside \"limit_except\" block",
            line.name
        )));
    }
    let location = match kind {
        LocationKind::Exact | LocationKind::Prefix | LocationKind::PrefixOnly => name,
        _ => Slice::EMPTY,
    };
    let core = cx.conf::<CoreLocation>();
    core.handler = Some(handler);
    core.auto_redirect |= location.ends_with(b"/");
    let (host, uri) = (parts.host.clone(), parts.uri.clone());
    let target = Rc::new(Target { url: url.clone(), location, host, uri, complete: false });
    let pass = Rc::new(Pass {
        url,
        template: template.as_constant().is_none().then_some(template),
        parts,
        target,
        group: OnceCell::new(),
        temp_path: TempPath { folder: cx.path(format!("{}_temp", P::NAME).as_bytes()), levels: vec![1, 2] },
        place: line.at.clone(),
    });
    if pass.template.is_none() {
        let port = Kind::of::<P>().default_port(pass.parts.tls);
        cx.conf::<Waiting>().list.push((pass.clone(), port));
    }
    directives::of(cx, line, "pass")?.pass = Some(pass);
    Ok(())
}

/// Takes a URL apart, as the pass directive of a protocol has it.
///
/// # Errors
/// nginx's sentence about what is wrong.
pub fn parse(url: &Slice, kind: &Kind) -> Result<Parts, String> {
    let Some(scheme) = kind.scheme else { return parse_authority(url, kind) };
    let plain = schema_in(url, scheme);
    let tls = kind.tls.filter(|_| plain.is_none());
    let Some(head) = plain.or_else(|| tls.and_then(|(scheme, _)| schema_in(url, scheme))) else {
        return Err("invalid URL prefix".to_owned());
    };
    let default_port = kind.default_port(tls.is_some());
    let rest = url.slice(head.len()..url.len());
    let is_unix = rest.starts_with(b"unix:");
    let end = if is_unix {
        let socket = rest.get(5..).unwrap_or_default();
        socket.iter().position(|b| *b == b':').map_or(rest.len(), |at| at + 5)
    } else {
        rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len())
    };
    let authority = rest.slice(0..end);
    let uri = rest.slice(if is_unix { (end + 1).min(rest.len()) } else { end }..rest.len());
    if authority.is_empty() {
        return Err(format!("no host in upstream \"{rest}\""));
    }
    let port = port_of(&authority, default_port)?;
    let host = match authority.strip_suffix(format!(":{default_port}").as_bytes()) {
        _ if is_unix => Slice::from("localhost"),
        Some(host) => authority.slice(0..host.len()),
        None => authority.clone(),
    };
    let uri = (!uri.is_empty()).then_some(uri);
    Ok(Parts { schema: head, authority, host, port, tls: tls.is_some(), uri })
}

/// Host and port alone; the name of the protocol may stand in front (nginx: `uwsgi://`, `suwsgi://`).
fn parse_authority(url: &Slice, kind: &Kind) -> Result<Parts, String> {
    let tls = kind.tls.and_then(|(scheme, _)| schema_in(url, scheme));
    let named = tls.clone().or_else(|| schema_in(url, kind.name));
    let authority = url.slice(named.as_ref().map_or(0, |schema| schema.len())..url.len());
    let port = port_of(&authority, kind.default_port(tls.is_some()))?;
    let schema = named.unwrap_or_else(|| Slice::from(format!("{}://", kind.name)));
    Ok(Parts { schema, host: authority.clone(), authority, port, tls: tls.is_some(), uri: None })
}

/// `scheme://` as it stands at the beginning of a URL, in any case of letters.
fn schema_in(url: &Slice, scheme: &str) -> Option<Slice> {
    let head = url.slice(0..scheme.len().saturating_add(3));
    head.eq_ignore_ascii_case(format!("{scheme}://").as_bytes()).then_some(head)
}

/// The port of `host:port`, `[v6]:port` or `host`; 0 for a unix socket.
fn port_of(authority: &[u8], default: u16) -> Result<u16, String> {
    if authority.starts_with(b"unix:") {
        return Ok(0);
    }
    if authority.starts_with(b"[") && !authority.contains(&b']') {
        return Err(format!("invalid host in upstream \"{}\"", String::from_utf8_lossy(authority)));
    }
    let behind = authority.iter().rposition(|b| *b == b']').map_or(0, |at| at + 1);
    let tail = authority.get(behind..).unwrap_or_default();
    let Some(colon) = tail.iter().position(|b| *b == b':') else { return Ok(default) };
    let digits = tail.get(colon + 1..).unwrap_or_default();
    let port = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).filter(|p| *p != 0);
    port.ok_or_else(|| format!("invalid port in upstream \"{}\"", String::from_utf8_lossy(authority)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::http1::Http1;

    fn parts(url: &str) -> (String, String, u16, Option<String>) {
        let parts = parse(&Slice::copy(url.as_bytes()), &Kind::of::<Http1>()).expect("a URL");
        let text = |slice: &Slice| slice.to_string();
        (text(&parts.authority), text(&parts.host), parts.port, parts.uri.as_ref().map(text))
    }

    #[test]
    fn urls_come_apart() {
        let want =
            |a: &str, h: &str, p, u: Option<&str>| (a.to_owned(), h.to_owned(), p, u.map(str::to_owned));
        assert_eq!(parts("http://a"), want("a", "a", 80, None));
        assert_eq!(parts("HTTP://a:80/"), want("a:80", "a", 80, Some("/")));
        assert_eq!(parts("http://a:81?x"), want("a:81", "a:81", 81, Some("?x")));
        assert_eq!(parts("http://[::1]:8080/p"), want("[::1]:8080", "[::1]:8080", 8080, Some("/p")));
        assert_eq!(parts("http://[::1]/p"), want("[::1]", "[::1]", 80, Some("/p")));
        assert_eq!(parts("http://unix:/s/k:/p"), want("unix:/s/k", "localhost", 0, Some("/p")));
        assert_eq!(parts("https://a:443/p"), want("a:443", "a", 443, Some("/p")));
        assert_eq!(parts("https://a:80"), want("a:80", "a:80", 80, None));
        assert_eq!(parts("http://unix:/s/k"), want("unix:/s/k", "localhost", 0, None));
    }
}
