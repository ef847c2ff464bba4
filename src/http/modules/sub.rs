//! `sub_filter`: words of a body that become other words.
//!
//! *In nginx* `ngx_http_sub_filter_module`: a search for many strings at once with a table of shifts, over buffers that end
//! anywhere; what may become a match is kept back.
//!
//! *Here* likewise, with a table of first bytes. The leftmost match counts, and of several at one place the one that is
//! first in the configuration. Upper and lower case are the same.
//!
//! ```text
//!   sub_filter foo bar      "a fo" ─▶ "a ", "fo" kept      "od" ─▶ "food": no match ─▶ "food"
//!                                                          "o"  ─▶ "foo" ─▶ "bar"
//! ```
//!
//! *Read next*: `output/mod.rs: BodyFilter`.

use super::mime_types::MimeTypes;
use crate::buf::{Chain, Piece, Slice};
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, HTTP, LOCATION, Module, SERVER};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::output::{BodyFilter, HeaderFilter, Stage, engage};
use crate::http::turn::Status;
use crate::http::vars::Template;
use crate::settings;

settings! {
    /// `sub_filter` and its like.
    pub struct Sub: Location {
        /// What is looked for, and what is put in its place.
        pub pairs: Vec<(Template, Template)> = Vec::new(),
        /// `sub_filter_types`
        pub types: MimeTypes = MimeTypes::html(),
        /// `sub_filter_once`
        pub once: bool = true,
        /// `sub_filter_last_modified`
        pub last_modified: bool = false,
    }
}

/// The module.
pub static MODULE: HttpModule =
    HttpModule { filters: &[HeaderFilter { stage: Stage::Sub, run: filter }], ..HttpModule::new(&TABLE) };

const LEVELS: u32 = HTTP | SERVER | LOCATION;

static TABLE: Module = Module {
    name: "http_sub",
    directives: &[
        Directive::new(
            "sub_filter",
            LEVELS,
            Args::Exactly(2),
            "",
            "A string in responses and what is put in its place; both may have variables. May be given several times.",
            set,
        ),
        Directive::new(
            "sub_filter_types",
            LEVELS,
            Args::AtLeast(1),
            "text/html",
            "Content types, besides text/html, of responses that are looked into; * for all.",
            |cx, line| {
                MimeTypes::set(cx, line, |cx| &mut cx.conf::<Sub>().types);
                Ok(())
            },
        ),
        Directive::new(
            "sub_filter_once",
            LEVELS,
            Args::Flag,
            "on",
            "Whether each string is replaced once only, or everywhere.",
            |cx, line| line.flag(&mut cx.conf::<Sub>().once),
        ),
        Directive::new(
            "sub_filter_last_modified",
            LEVELS,
            Args::Flag,
            "off",
            "Whether Last-Modified and a weakened ETag of the original are kept.",
            |cx, line| line.flag(&mut cx.conf::<Sub>().last_modified),
        ),
    ],
};

fn set(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let (wanted, value) = (line.arg(0)?, line.arg(1)?);
    if wanted.is_empty() {
        return Err(line.err("empty search pattern"));
    }
    let wanted = Template::compile(cx, line, wanted.bytes())?;
    let value = Template::compile(cx, line, value.bytes())?;
    cx.conf::<Sub>().pairs.edit().push((wanted, value));
    Ok(())
}

fn filter(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<(), Status> {
    let loc = x[r].loc.clone();
    let conf = loc.confs.get::<Sub>();
    let out = &x[r].headers_out;
    if conf.pairs.is_empty()
        || out.content_length == Some(0)
        || !conf.types.contains(out.content_type.as_ref())
    {
        return Ok(());
    }
    let mut words = Vec::with_capacity(conf.pairs.len());
    for (wanted, value) in conf.pairs.iter() {
        let wanted = wanted.eval(x, r, io).to_ascii_lowercase();
        // A variable may be empty; then there is nothing to look for.
        if !wanted.is_empty() {
            words.push(Word { wanted, template: value.clone(), value: None, done: false });
        }
    }
    if words.is_empty() {
        return Ok(());
    }
    x[r].flags.need_in_memory = true;
    if x[r].is_main() {
        let out = &mut x[r].headers_out;
        out.clear_content_length();
        out.clear_accept_ranges();
        if *conf.last_modified {
            out.weak_etag();
        } else {
            out.clear_last_modified();
            out.clear_etag();
        }
    }
    engage(x, r, Box::new(Replace::new(words, *conf.once)));
    Ok(())
}

struct Word {
    /// In lower case.
    wanted: Vec<u8>,
    template: Template,
    /// Worked out at the first match.
    value: Option<Slice>,
    /// Has been replaced, once.
    done: bool,
}

/// What stands at a place of the text.
enum At {
    Nothing,
    /// A whole word: its place in the list.
    Word(usize),
    /// The beginning of one, as far as the text goes.
    Beginning,
}

struct Replace {
    words: Vec<Word>,
    once: bool,
    /// Bytes that a match can begin with.
    first: Box<[bool; 256]>,
    /// The end of the last piece: the beginning of a word.
    kept: Slice,
}

impl Replace {
    fn new(words: Vec<Word>, once: bool) -> Replace {
        let mut replace = Replace { words, once, first: Box::new([false; 256]), kept: Slice::EMPTY };
        replace.fill_first();
        replace
    }

    fn fill_first(&mut self) {
        self.first.fill(false);
        for word in self.words.iter().filter(|word| !word.done) {
            for byte in word.wanted.iter().take(1) {
                for case in [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()] {
                    if let Some(first) = self.first.get_mut(usize::from(case)) {
                        *first = true;
                    }
                }
            }
        }
    }

    fn may_begin(&self, byte: u8) -> bool {
        self.first.get(usize::from(byte)).copied().unwrap_or(false)
    }

    fn at(&self, text: &[u8], last: bool) -> At {
        for (number, word) in self.words.iter().enumerate().filter(|(_, word)| !word.done) {
            let n = word.wanted.len().min(text.len());
            let same = match (text.get(..n), word.wanted.get(..n)) {
                (Some(text), Some(wanted)) => text.eq_ignore_ascii_case(wanted),
                _ => false,
            };
            match same {
                true if n == word.wanted.len() => return At::Word(number),
                true if !last => return At::Beginning,
                _ => {}
            }
        }
        At::Nothing
    }

    fn value(&mut self, x: &mut Exchange, r: RequestIx, io: &mut Io, number: usize) -> Slice {
        let Some(word) = self.words.get_mut(number) else { return Slice::EMPTY };
        let value = word.value.get_or_insert_with(|| word.template.eval(x, r, io)).clone();
        if self.once {
            word.done = true;
            self.fill_first();
        }
        value
    }

    fn text(&mut self, x: &mut Exchange, r: RequestIx, io: &mut Io, out: &mut Chain, text: &Slice, last: bool) {
        let (mut at, mut sent) = (0, 0);
        while let Some(rest) = text.get(at..) {
            let Some(next) = rest.iter().position(|byte| self.may_begin(*byte)) else { break };
            at += next;
            match self.at(text.get(at..).unwrap_or_default(), last) {
                At::Nothing => at += 1,
                At::Word(number) => {
                    out.push(text.slice(sent..at));
                    at += self.words.get(number).map_or(1, |word| word.wanted.len());
                    sent = at;
                    out.push(self.value(x, r, io, number));
                }
                At::Beginning => {
                    out.push(text.slice(sent..at));
                    // A copy, so that a few bytes do not hold a whole page.
                    self.kept = Slice::copy(text.get(at..).unwrap_or_default());
                    return;
                }
            }
        }
        out.push(text.slice(sent..text.len()));
    }
}

impl BodyFilter for Replace {
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
        while let Some(piece) = input.pop() {
            let Piece::Memory(mut piece) = piece else {
                out.push_piece(piece);
                continue;
            };
            if !self.kept.is_empty() {
                piece = Slice::from([&self.kept[..], &piece].concat());
                self.kept = Slice::EMPTY;
            }
            self.text(x, r, io, out, &piece, false);
        }
        if input.last {
            let kept = std::mem::take(&mut self.kept);
            self.text(x, r, io, out, &kept, true);
        }
        out.flush |= input.flush;
        out.last |= input.last;
        input.clear();
        Ok(())
    }
}
