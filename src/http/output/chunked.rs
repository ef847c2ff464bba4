//! Chunks: a body whose length nobody knows yet (RFC 9112 section 7.1).
//!
//! *In nginx* `ngx_http_chunked_filter_module`: the header filter decides, the body filter wraps each chain.
//!
//! *Here* likewise. A chain becomes one chunk whatever it is made of; the end of the response becomes
//! the last chunk with the trailers.
//!
//! *Read next*: `header.rs`, which writes the field.

use super::{HeaderFilter, Stage};
use crate::buf::Chain;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::turn::Status;
use crate::parse::request_line::Method;
use crate::util::numbers;

/// The header filter.
pub const FILTER: HeaderFilter = HeaderFilter { stage: Stage::Chunked, run: decide };

fn decide(x: &mut Exchange, r: RequestIx, _: &mut Io) -> Result<(), Status> {
    let request = &mut x[r];
    let status = request.headers_out.status;
    let bodiless = matches!(status, 304 | 204 | 100..=199);
    if bodiless || !request.is_main() || request.method == Method::Head || request.flags.upgraded {
        return Ok(());
    }
    // A length that is known needs no chunks, unless fields are to follow the body.
    let known = request.headers_out.content_length.is_some();
    if known && !request.headers_out.expect_trailers {
        return Ok(());
    }
    if request.http_version >= 1001 && *request.loc.core.chunked_transfer_encoding {
        if request.headers_out.expect_trailers {
            request.headers_out.clear_content_length();
        }
        request.flags.chunked = true;
    } else if !known {
        // HTTP/1.0: only the close can tell where the body ends.
        x.client.keepalive = false;
    }
    Ok(())
}

/// Appends a part of the body to the output, as a chunk if this response goes in chunks.
pub fn filter(x: &mut Exchange, io: &mut Io, mut chain: Chain) {
    let main = x.main();
    if !main.flags.chunked || main.flags.header_only {
        return x.out.append(chain);
    }
    let last = std::mem::take(&mut chain.last);
    if !chain.is_empty() {
        x.out.push(io.texts.make(|out| {
            numbers::hexadecimal(out, chain.len());
            out.extend_from_slice(b"\r\n");
        }));
        x.out.append(chain);
        x.out.push("\r\n".into());
    } else {
        x.out.flush |= chain.flush;
    }
    if last {
        x.out.push("0\r\n".into());
        let trailers = &x.main().headers_out.trailers;
        x.out.push(io.texts.make(|out| {
            for field in trailers {
                [&field.name[..], b": ", &field.value, b"\r\n"]
                    .iter()
                    .for_each(|part| out.extend_from_slice(part));
            }
            out.extend_from_slice(b"\r\n");
        }));
        x.out.last = true;
    }
}
