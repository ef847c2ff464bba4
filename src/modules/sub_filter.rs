//! `sub_filter`: texts in answers replaced by others.
//!
//! *In nginx* `ngx_http_sub_filter_module`: several texts are looked for at once with a table of shifts; what
//! may be the beginning of one at the end of a buffer is looked at again with the next.
//!
//! *Here* the body is walked once. Only where a byte can begin one of the texts are the texts compared, in
//! the order of their lines, without regard to case. Bytes that match no text go on as views of the page they
//! came in; those that may yet match wait for the next piece.
//!
//! ```text
//!   "abc" ─▶ "X"      …zzab │ cd…      "zz" goes on, "ab" waits, "abc" becomes "X", "d" goes on
//! ```
//!
//! *Read next*: `mime_types.rs`.

use super::mime_types::MimeTypes;
use crate::buf::{Chain, Slice};
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::output::{BodyFilter, HeaderFilter, Stage, buffered, engage};
use crate::http::turn::Status;
use crate::http::vars::Template;
use crate::settings;

/// One line.
#[derive(Clone, Debug)]
pub struct Pair {
    text: Template,
    replacement: Template,
}

settings! {
    /// `sub_filter` and its like.
    pub struct Sub: Location {
        /// `sub_filter`
        pub pairs: Vec<Pair> = Vec::new(),
        /// `sub_filter_types`
        pub types: MimeTypes = MimeTypes::html(),
        /// `sub_filter_once`
        pub once: bool = true,
        /// `sub_filter_last_modified`
        pub last_modified: bool = false,
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    filters: &[HeaderFilter { stage: Stage::Sub, run: filter }],
    idle: Some(|confs| confs.get::<Sub>().pairs.is_empty()),
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module {
    name: "http_sub",
    directives: &[
        Directive::of("sub_filter", LEVELS, Args::Exactly(2))
            .doc("Replaces a text in answers, whatever the case of its letters, by another.")
            .set(set),
        Directive::of("sub_filter_types", LEVELS, Args::AtLeast(1))
            .default("text/html")
            .doc("Which content types are meant besides text/html; * for all.")
            .set(|cx, line| {
                MimeTypes::set(cx, line, |cx| &mut cx.conf::<Sub>().types);
                Ok(())
            }),
        Directive::of("sub_filter_once", LEVELS, Args::Flag)
            .default("on")
            .doc("Whether each text is replaced only where it is found first.")
            .set(|cx, line| line.flag(&mut cx.conf::<Sub>().once)),
        Directive::of("sub_filter_last_modified", LEVELS, Args::Flag)
            .default("off")
            .doc("Whether Last-Modified stays, although the body is changed.")
            .set(|cx, line| line.flag(&mut cx.conf::<Sub>().last_modified)),
    ],
};

fn set(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let text = line.arg(0)?;
    if text.is_empty() {
        return Err(line.err("empty search pattern"));
    }
    let text = Template::compile(cx, line, text.bytes())?;
    let replacement = Template::compile(cx, line, line.arg(1)?.bytes())?;
    cx.conf::<Sub>().pairs.edit().push(Pair { text, replacement });
    Ok(())
}

fn filter(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<(), Status> {
    let loc = x[r].loc.clone();
    let conf = loc.confs.get::<Sub>();
    let out = &x[r].headers_out;
    let meant = out.content_length != Some(0) && conf.types.contains(out.content_type.as_ref());
    if conf.pairs.is_empty() || !meant {
        return Ok(());
    }
    let mut texts = Vec::with_capacity(conf.pairs.len());
    for pair in conf.pairs.iter() {
        let text = pair.text.eval(x, r, io).to_ascii_lowercase();
        // A variable may be empty; there is nothing to look for then.
        if !text.is_empty() {
            texts.push(Text { text, replacement: pair.replacement.clone(), value: None });
        }
    }
    if texts.is_empty() {
        return Ok(());
    }
    if x[r].is_main() {
        let out = &mut x[r].headers_out;
        out.clear_content_length();
        if *conf.last_modified {
            out.weak_etag();
        } else {
            out.clear_last_modified();
            out.clear_etag();
        }
    }
    x[r].flags.need_in_memory = true;
    engage(x, r, Box::new(Replacer::new(texts, *conf.once)));
    Ok(())
}

/// A text to look for, in lower case, and what takes its place.
struct Text {
    text: Vec<u8>,
    replacement: Template,
    /// The replacement, once it has been worked out.
    value: Option<Slice>,
}

/// What stands at a place of the body.
enum Here {
    Nothing,
    /// This text.
    Text(usize),
    /// Perhaps a text: its end has not come yet.
    Perhaps,
}

/// A body in which texts are replaced.
struct Replacer {
    texts: Vec<Text>,
    once: bool,
    /// Bytes that can begin one of the texts.
    first: [bool; 256],
    /// The end of what came, which may be the beginning of a text.
    kept: Vec<u8>,
}

impl Replacer {
    fn new(texts: Vec<Text>, once: bool) -> Replacer {
        let mut replacer = Replacer { texts, once, first: [false; 256], kept: Vec::new() };
        replacer.note_first();
        replacer
    }

    fn note_first(&mut self) {
        self.first = [false; 256];
        for byte in self.texts.iter().filter_map(|text| text.text.first()) {
            self.first[usize::from(byte.to_ascii_lowercase())] = true;
            self.first[usize::from(byte.to_ascii_uppercase())] = true;
        }
    }

    fn look(&self, rest: &[u8], last: bool) -> Here {
        for (number, text) in self.texts.iter().enumerate() {
            let size = text.text.len().min(rest.len());
            let equal = match (rest.get(..size), text.text.get(..size)) {
                (Some(here), Some(text)) => here.eq_ignore_ascii_case(text),
                _ => false,
            };
            if equal && size == text.text.len() {
                return Here::Text(number);
            }
            if equal && !last {
                return Here::Perhaps;
            }
        }
        Here::Nothing
    }

    /// Replaces what is found in `data` and hands the rest on; what may yet match is kept.
    fn replace(
        &mut self,
        data: &Slice,
        last: bool,
        out: &mut Chain,
        mut value: impl FnMut(&Template) -> Slice,
    ) {
        let (mut at, mut sent) = (0, 0);
        while let Some(byte) = data.get(at) {
            if !self.first[usize::from(*byte)] {
                at += 1;
                continue;
            }
            match self.look(data.get(at..).unwrap_or_default(), last) {
                Here::Nothing => at += 1,
                Here::Perhaps => break,
                Here::Text(number) => {
                    out.push(data.slice(sent..at));
                    let Some(text) = self.texts.get_mut(number) else { break };
                    let replacement = text.value.get_or_insert_with(|| value(&text.replacement)).clone();
                    out.push(replacement);
                    at += text.text.len();
                    sent = at;
                    if self.once {
                        self.texts.remove(number);
                        self.note_first();
                    }
                }
            }
        }
        out.push(data.slice(sent..at));
        self.kept = data.get(at..).unwrap_or_default().to_vec();
    }
}

impl BodyFilter for Replacer {
    fn stage(&self) -> Stage {
        Stage::Sub
    }

    fn filter(
        &mut self,
        x: &mut Exchange,
        r: RequestIx,
        io: &mut Io,
        input: &mut Chain,
        out: &mut Chain,
    ) -> Result<(), Status> {
        while let Some(mut data) = input.pop_memory() {
            if !self.kept.is_empty() {
                data = Slice::from([&std::mem::take(&mut self.kept)[..], &data].concat());
            }
            self.replace(&data, false, out, |template| template.eval(x, r, io));
        }
        if input.last && !self.kept.is_empty() {
            let data = Slice::from(std::mem::take(&mut self.kept));
            self.replace(&data, true, out, |template| template.eval(x, r, io));
        }
        if self.kept.is_empty() {
            x[r].buffered &= !buffered::SUB;
        } else {
            x[r].buffered |= buffered::SUB;
        }
        out.set_flags_of(input);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(texts: &[(&'static str, &'static str)], once: bool, body: &[&[u8]]) -> Vec<u8> {
        let texts = texts.iter().map(|(text, replacement)| Text {
            text: text.as_bytes().to_vec(),
            replacement: Template::constant(replacement),
            value: None,
        });
        let mut replacer = Replacer::new(texts.collect(), once);
        let mut out = Chain::default();
        let value = |template: &Template| template.as_constant().cloned().unwrap_or_default();
        for (number, piece) in body.iter().enumerate() {
            let kept = std::mem::take(&mut replacer.kept);
            let data = Slice::from([&kept[..], piece].concat());
            replacer.replace(&data, number + 1 == body.len(), &mut out, value);
        }
        out.gather().unwrap().to_vec()
    }

    #[test]
    fn a_text_is_found_however_the_body_is_cut() {
        let body = b"ababac ABAC abaabac";
        for cut in 0..=body.len() {
            let (left, right) = body.split_at(cut);
            assert_eq!(run(&[("abac", "x")], false, &[left, right]), b"abx x abax", "cut at {cut}");
        }
    }

    #[test]
    fn each_text_is_replaced_once_unless_told_otherwise() {
        assert_eq!(run(&[("foo", "bar"), ("z", "")], true, &[b"foozfooz"]), b"barfooz");
        assert_eq!(run(&[("foo", "foofoo")], false, &[b"foofo", b"o"]), b"foofoofoofoo");
    }
}
