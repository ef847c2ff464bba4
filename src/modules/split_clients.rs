//! `split_clients`: a variable with one of several values, each for a share of the clients.
//!
//! *In nginx* `ngx_http_split_clients_module`.
//!
//! *Here* the same arithmetic, since a client must get the same share from every server that has the same
//! line: the hash of the text, a number of 32 bits, is compared with the sums of the shares.
//!
//! ```text
//!   split_clients "$remote_addr" $variant {  0.5% .one;  2.0% .two;  * "";  }
//!   0 ┤.one├ 0.5 % ┤── .two ──├ 2.5 % ┤──────────── "" ────────────┤ 2³²
//! ```
//!
//! *Read next*: `util/murmur.rs`.

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, HTTP, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::conf::value::parse_hundredths;
use crate::http::module::HttpModule;
use crate::http::vars::{self, Template, definition};
use crate::util::murmur::murmur2;

/// The module.
pub static MODULE: HttpModule = HttpModule::new(&TABLE);

static TABLE: Module = Module {
    name: "http_split_clients",
    directives: &[Directive::of("split_clients", HTTP, Args::Exactly(2))
        .block()
        .doc("Defines a variable whose value depends on the hash of the first argument, by percentage.")
        .set(split_clients)],
};

/// All of something, in hundredths of a percent.
const WHOLE: u64 = 10_000;

struct Part {
    /// Hashes below this get the value; None for what is left (`*`).
    below: Option<u32>,
    value: Slice,
}

fn split_clients(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let source = Template::compile(cx, line, line.arg(0)?)?;
    let (mut parts, mut sum, mut last) = (Vec::new(), 0, 0u32);
    for child in line.children() {
        let value = match child.args.as_slice() {
            [value] if child.block.is_none() => Slice::copy(value),
            _ => return Err(child.err("invalid number of the split_clients parameters")),
        };
        let share = share(child)?;
        sum = share.map_or(WHOLE, |share| share.saturating_add(sum));
        if sum > WHOLE {
            return Err(line.err_at_end("percent total is greater than 100%"));
        }
        if let Some(share) = share {
            last = last.wrapping_add((share * u64::from(u32::MAX) / WHOLE) as u32);
        }
        parts.push(Part { below: share.map(|_| last), value });
    }
    let get = move |x: &mut _, r, io: &mut _| {
        let hash = murmur2(&source.eval(x, r, io));
        let part = parts.iter().find(|part| part.below.is_none_or(|below| hash < below));
        Some(part.map_or(Slice::EMPTY, |part| part.value.clone()))
    };
    vars::declare(cx, line, line.arg(1)?, definition(get).changeable())?;
    Ok(())
}

/// Hundredths of a percent; None for `*`.
fn share(child: &Line) -> Result<Option<u64>, ConfError> {
    if child.name.is("*") {
        return Ok(None);
    }
    let percent = child.name.strip_suffix(b"%").and_then(parse_hundredths).filter(|n| *n != 0);
    match percent {
        // More than the whole will be refused with the sum.
        Some(percent) => Ok(Some(percent.min(WHOLE + 1))),
        None => Err(child.err(format_args!("invalid percent value \"{}\"", child.name))),
    }
}
