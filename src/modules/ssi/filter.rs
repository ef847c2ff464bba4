//! The body filter: text passes, commands are carried out in the order they stand.
//!
//! *In nginx* `ngx_http_ssi_body_filter` with a function for each command.
//!
//! *Here* the same. Two things make it stop before its input is used up: a subrequest belongs behind the
//! text before it, so that text must have been passed on first (the filter asks to be called again); and
//! a page may wait for a subrequest to end (it keeps the rest of its input, and is called again when the
//! child posts its parent).
//!
//! ```text
//!   input: text1 <include> text2 <include wait> text3
//!   call 1   out: text1, again                call 2   child 1 in line; out: text2, again
//!   call 3   child 2 in line, waiting         call n   out: text3
//! ```
//!
//! *Read next*: `include.rs`.

use super::command::{self, Kind, Params};
use super::scan::{Command, Found, OPENING, Scanner};
use super::value::{define, evaluate, variable};
use super::{TimeFormat, expr, include};
use crate::buf::{Chain, Piece, Slice};
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging::{self, printable};
use crate::http::output::{BodyFilter, Stage, buffered};
use crate::http::turn::Status;
use crate::log::Level;
use crate::parse::escape::{Escape, escape, escape_html};

/// How `echo` prints values.
#[derive(Clone, Copy, Debug)]
enum Encoding {
    Entity,
    Url,
    Plain,
}

/// Where in a condition the page stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Nothing,
    If,
    Else,
}

/// The filter of one response.
pub struct SsiFilter {
    scanner: Scanner,
    input: Chain,
    silent: bool,
    error_text: Slice,
    encoding: Encoding,
    /// Text is sent; false in a branch that is not taken and in a block.
    output: bool,
    /// A branch of this condition has been taken.
    chosen: bool,
    inside: Inside,
    /// A block is being kept: the place of it in the page's list.
    block: Option<usize>,
    /// Nothing goes on until this child has ended.
    waiting: Option<RequestIx>,
    /// An include whose turn comes when the text before it has been passed on.
    pending: Option<Params>,
}

impl SsiFilter {
    /// A filter for values of up to `limit` bytes.
    pub fn new(limit: usize, silent: bool) -> SsiFilter {
        SsiFilter {
            scanner: Scanner::new(limit),
            input: Chain::default(),
            silent,
            error_text: "[an error occurred while processing the directive]".into(),
            encoding: Encoding::Entity,
            output: true,
            chosen: false,
            inside: Inside::Nothing,
            block: None,
            waiting: None,
            pending: None,
        }
    }

    fn text(&self, x: &mut Exchange, out: &mut Chain, text: Slice) {
        if text.is_empty() {
            return;
        }
        match self.block {
            Some(at) => {
                let block = super::page(x).and_then(|page| page.blocks.get_mut(at));
                if let Some((_, pieces)) = block {
                    pieces.push(text);
                }
            }
            None if self.output => out.push(text),
            None => {}
        }
    }

    /// Logs what went wrong, unless it has been, and leaves a text about it in the page: even in a
    /// block, or in a branch that is not taken.
    fn failed(&self, x: &mut Exchange, r: RequestIx, io: &Io, out: &mut Chain, why: &str) {
        if !why.is_empty() {
            logging::log(x, r, io, Level::Error, None, format_args!("{why}"));
        }
        if !self.silent {
            out.push(self.error_text.clone());
        }
    }

    /// Carries out a command.
    fn command(
        &mut self,
        x: &mut Exchange,
        r: RequestIx,
        io: &mut Io,
        out: &mut Chain,
        command: Command,
    ) -> Result<(), String> {
        let known = match command::find(&command) {
            Ok(known) => known,
            // Nobody sees what is not sent.
            Err(_) if !self.output => return Ok(()),
            Err(why) => return Err(why),
        };
        if !self.output && known.kind != Kind::Endblock {
            if self.block.is_some() {
                self.text(x, out, Slice::from(command::text(&command)));
                return Ok(());
            }
            if !matches!(known.kind, Kind::Elif | Kind::Else | Kind::Endif) {
                return Ok(());
            }
        }
        let in_place = match known.kind {
            Kind::Elif | Kind::Else => self.inside == Inside::If,
            Kind::Endif => self.inside != Inside::Nothing,
            _ => true,
        };
        if !in_place {
            return Err(format!("invalid context of SSI command: \"{}\"", printable(&command.name)));
        }
        let params = command::check(known, command)?;
        match known.kind {
            Kind::Include if out.is_empty() => return self.include(x, r, io, &params),
            Kind::Include => self.pending = Some(params),
            Kind::Echo => self.echo(x, r, io, out, &params),
            Kind::Config => self.config(x, r, &params),
            Kind::Set => {
                let value = evaluate(x, r, io, params.get("value").unwrap_or_default())?;
                define(x, params.get("var").unwrap_or_default(), Slice::from(value));
            }
            Kind::If if self.inside != Inside::Nothing => {
                return Err("the \"if\" command inside the \"if\" command".to_owned());
            }
            Kind::Elif if self.chosen => self.output = false,
            Kind::If | Kind::Elif => {
                self.output = expr::holds(x, r, io, params.get("expr").unwrap_or_default())?;
                self.chosen = self.output;
                self.inside = Inside::If;
            }
            Kind::Else => {
                self.output = !self.chosen;
                self.inside = Inside::Else;
            }
            Kind::Endif => {
                self.output = true;
                self.chosen = false;
                self.inside = Inside::Nothing;
            }
            Kind::Block => self.open_block(x, params.get("name").unwrap_or_default()),
            Kind::Endblock => {
                self.output = true;
                self.block = None;
            }
        }
        Ok(())
    }

    fn include(
        &mut self,
        x: &mut Exchange,
        r: RequestIx,
        io: &mut Io,
        params: &Params,
    ) -> Result<(), String> {
        self.waiting = include::include(x, r, io, params)?;
        Ok(())
    }

    fn echo(&mut self, x: &mut Exchange, r: RequestIx, io: &mut Io, out: &mut Chain, params: &Params) {
        let value = match variable(x, r, io, params.get("var").unwrap_or_default()) {
            Some(value) => value,
            None => params.get("default").map_or_else(|| "(none)".into(), Slice::copy),
        };
        if value.is_empty() {
            return;
        }
        match params.get("encoding") {
            None => {}
            Some(b"none") => self.encoding = Encoding::Plain,
            Some(b"url") => self.encoding = Encoding::Url,
            Some(b"entity") => self.encoding = Encoding::Entity,
            Some(other) => {
                let other = printable(other);
                let text = format_args!("unknown encoding \"{other}\" in the \"echo\" command");
                logging::log(x, r, io, Level::Error, None, text);
            }
        }
        let mut printed = Vec::with_capacity(value.len());
        match self.encoding {
            Encoding::Plain => printed.extend_from_slice(&value),
            Encoding::Url => escape(&value, Escape::Html, &mut printed),
            Encoding::Entity => escape_html(&value, &mut printed),
        }
        self.text(x, out, Slice::from(printed));
    }

    fn config(&mut self, x: &mut Exchange, r: RequestIx, params: &Params) {
        if let Some(format) = params.get("timefmt") {
            x[r].ctx.set(TimeFormat(Slice::copy(format)));
        }
        if let Some(text) = params.get("errmsg") {
            self.error_text = Slice::copy(text);
        }
    }

    fn open_block(&mut self, x: &mut Exchange, name: &[u8]) {
        if let Some(page) = super::page(x) {
            self.block = Some(page.blocks.len());
            page.blocks.push((name.to_vec(), Vec::new()));
            self.output = false;
        }
    }

    /// Looks at the first piece of the input, up to the first command in it.
    fn piece(&mut self, x: &mut Exchange, r: RequestIx, io: &mut Io, out: &mut Chain, mut piece: Slice) {
        let step = self.scanner.scan(&piece);
        self.text(x, out, Slice::from_static(OPENING).slice(0..step.held));
        self.text(x, out, piece.slice(step.text));
        piece.advance(step.used);
        self.input.push_front(piece);
        if let Some(error) = step.error {
            logging::log(x, r, io, Level::Error, None, format_args!("{error}"));
        }
        match step.found {
            Found::End => {}
            Found::Broken => self.failed(x, r, io, out, ""),
            Found::Command(command) => {
                if let Err(why) = self.command(x, r, io, out, command) {
                    self.failed(x, r, io, out, &why);
                }
            }
        }
    }
}

impl BodyFilter for SsiFilter {
    fn stage(&self) -> Stage {
        Stage::Ssi
    }

    fn filter(
        &mut self,
        x: &mut Exchange,
        r: RequestIx,
        io: &mut Io,
        input: &mut Chain,
        out: &mut Chain,
    ) -> Result<(), Status> {
        self.input.append(std::mem::take(input));
        if let Some(params) = self.pending.take()
            && let Err(why) = self.include(x, r, io, &params)
        {
            self.failed(x, r, io, out, &why);
        }
        while self.pending.is_none() {
            if self.waiting.is_some_and(|child| !x[child].flags.done) {
                x[r].buffered |= buffered::SSI;
                return Ok(());
            }
            self.waiting = None;
            match self.input.pop() {
                Some(Piece::Memory(piece)) => self.piece(x, r, io, out, piece),
                Some(piece) => {
                    // Pieces of files have been read by now; whatever still is one cannot be looked into.
                    out.push_piece(piece);
                }
                None => break,
            }
        }
        if self.pending.is_some() {
            return Ok(());
        }
        x[r].buffered &= !buffered::SSI;
        out.flush |= self.input.flush;
        if self.input.last {
            // DIFF: nginx drops what might have become a command.
            self.text(x, out, Slice::from_static(OPENING).slice(0..self.scanner.held()));
            out.last = true;
        }
        self.input.clear();
        Ok(())
    }

    fn wants_more(&self) -> bool {
        self.pending.is_some()
    }
}
