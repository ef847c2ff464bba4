//! `include`: another response in this place.
//!
//! *In nginx* `ngx_http_ssi_include`, `ngx_http_ssi_stub_output`, `ngx_http_ssi_set_variable`.
//!
//! *Here* one subrequest in one of three ways: in line, so that its body stands where the command stood;
//! waited for, so that commands behind it see what it did; or in memory, as the value of a variable. A
//! stub is a block of the page that is sent in its place if it fails or is empty.
//!
//! ```text
//!   include virtual="/a"              child in line, the page goes on
//!   include virtual="/a" wait="yes"   child in line, the page goes on when it has ended
//!   include virtual="/a" set="v"      child in memory, the page goes on when it has ended
//! ```
//!
//! *Read next*: `http/subrequest.rs`.

use super::command::Params;
use super::value::{define, evaluate};
use crate::buf::{Chain, Slice};
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging::printable;
use crate::http::output::{output, send_header};
use crate::http::subrequest::Subrequest;
use crate::http::turn::Status;
use crate::parse::uri::parse_unsafe_uri;

/// What a command asks for.
struct Wanted {
    path: Vec<u8>,
    wait: bool,
}

/// Makes the subrequest; gives back the child if the page has to wait for it.
///
/// # Errors
/// nginx's sentences; an empty one when the reason has been logged.
pub fn include(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    params: &Params,
) -> Result<Option<RequestIx>, String> {
    let wanted = wanted(params)?;
    let (set, stub) = (params.get("set"), params.get("stub"));
    let uri = full_uri(x, r, io, &wanted.path)?;
    let target = parse_unsafe_uri(&uri);
    let Ok((path, args)) = target else {
        return Err(format!("unsafe URI \"{}\" was detected", printable(&uri)));
    };
    let mut child = Subrequest::new(Slice::copy(&path)).args(args.map(Slice::copy).unwrap_or_default());
    if wanted.wait {
        child = child.waited();
    }
    if let Some(stub) = stub {
        child = with_stub(x, child, stub)?;
    }
    if let Some(name) = set {
        child = with_variable(x, child, name);
    }
    let child = child.start(x, r, io).map_err(|_| String::new())?;
    Ok((wanted.wait || set.is_some()).then_some(child))
}

fn wanted(params: &Params) -> Result<Wanted, String> {
    let shown = |text: &[u8]| printable(text).to_string();
    let (path, from_file) = match (params.get("virtual"), params.get("file")) {
        (Some(uri), Some(file)) => {
            let (uri, file) = (shown(uri), shown(file));
            return Err(format!("inclusion may be either virtual=\"{uri}\" or file=\"{file}\""));
        }
        (Some(uri), None) => (uri, false),
        (None, Some(file)) => (file, true),
        (None, None) => return Err("no parameter in \"include\" SSI command".to_owned()),
    };
    if params.get("set").is_some() && params.get("stub").is_some() {
        return Err("\"set\" and \"stub\" cannot be used together in \"include\" SSI command".to_owned());
    }
    let wait = match params.get("wait") {
        // A file is there at once.
        None => from_file,
        Some(_) if from_file => {
            return Err(format!("\"wait\" cannot be used with file=\"{}\"", shown(path)));
        }
        Some(b"no") => false,
        Some(b"yes") => true,
        Some(other) => return Err(format!("invalid value \"{}\" in the \"wait\" parameter", shown(other))),
    };
    Ok(Wanted { path: path.to_vec(), wait })
}

/// The value with its variables, below the page's folder if it does not begin with a slash.
fn full_uri(x: &mut Exchange, r: RequestIx, io: &mut Io, text: &[u8]) -> Result<Vec<u8>, String> {
    let uri = evaluate(x, r, io, text)?;
    // An empty one is refused later.
    if uri.first().is_none_or(|first| *first == b'/') {
        return Ok(uri);
    }
    let page = &x[r].uri;
    let folder = memchr::memrchr(b'/', page).map_or(0, |at| at + 1);
    Ok([page.get(..folder).unwrap_or_default(), &uri].concat())
}

/// The block of that name is sent in place of a response that fails or is empty.
fn with_stub(x: &mut Exchange, child: Subrequest, name: &[u8]) -> Result<Subrequest, String> {
    let found = super::page(x).and_then(|page| page.blocks.iter().find(|(known, _)| known == name));
    let Some((_, text)) = found else {
        return Err(format!("\"stub\"=\"{}\" for \"include\" not found", printable(name)));
    };
    let text = text.clone();
    Ok(child.on_finalize(move |x, child, io, status| {
        if status == Status::Error || x[child].flags.request_output {
            return status;
        }
        if !x[child].flags.header_sent {
            let parent = x[child].parent;
            x[child].headers_out.content_type = x[parent].headers_out.content_type.clone();
            if send_header(x, child, io) == Status::Error {
                return Status::Error;
            }
        }
        let mut chain = Chain::default();
        for piece in &text {
            chain.push(piece.clone());
        }
        chain.last = true;
        output(x, child, io, chain)
    }))
}

/// The body becomes the value of a variable of the page; that of an error does not.
fn with_variable(x: &mut Exchange, child: Subrequest, name: &[u8]) -> Subrequest {
    define(x, name, Slice::EMPTY);
    let name = name.to_vec();
    child.in_memory().waited().then(move |x, _, child, _| {
        if x[child].headers_out.status < 300
            && let Ok(value) = x[child].kept.gather()
        {
            define(x, &name, value);
        }
    })
}
