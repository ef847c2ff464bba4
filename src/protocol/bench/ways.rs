//! All ways in which a reply can arrive, gone through and compared.
//!
//! *In nginx* which ways a module has been tried in is a matter of luck: the tests of a module play a few
//! replies, whole, over a socket.
//!
//! *Here* a [`Trial`] plays a reply whole first, and what the module made of that is what all others
//! must come to: status, fields, body, what was left over, and whether the connection may be used again.
//! The first way that differs ends the trial, with a sentence that names the way and the first thing
//! that differs. What cannot be compared is checked: a reply without its end is never a reason to use
//! the connection again, and what came of its body is the beginning of the whole one.
//!
//! ```text
//!   whole ── cuts ── many ── bytes ── truncations ── trailing ── first peers        each counted
//! ```
//!
//! *Read next*: `tests/protocol_bench.rs`, where every module is tried.

use super::listening::{End, Heard, Mode, hear_in};
use super::{Asking, Configured};
use crate::buf::Slice;
use crate::protocol::{Erased, Out};
use std::fmt::Debug;

/// Windows: one that holds any head, and one that holds no line.
const WIDE: usize = 4096;
const NARROW: usize = 5;
const WINDOWS: [usize; 2] = [WIDE, NARROW];

/// How many samples of cuts into many are played.
const SAMPLES: usize = 64;

/// What may stand behind a reply: nothing in particular, an empty line, the beginning of another reply.
const TAILS: [&[u8]; 4] = [b"X", b"\r\n", b"\0\0\0\0", b"HTTP/1.1 200 OK\r\n\r\n"];

/// How many ways have been played, by their kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cuts into two, at every place.
    pub cuts: u64,
    /// Cuts into many, a sample.
    pub many: u64,
    /// Byte by byte.
    pub bytes: u64,
    /// Replies without their end, at every length.
    pub truncations: u64,
    /// Replies with something behind them.
    pub trailing: u64,
    /// Whole replies behind a first peer that died or erred, at every byte.
    pub first_peers: u64,
    /// How many of all these were relayed in each of [`Mode::ALL`].
    pub modes: [u64; 4],
}

impl Counts {
    /// All ways together.
    pub fn total(&self) -> u64 {
        self.modes.iter().sum()
    }

    /// Adds those of another reply.
    pub fn add(&mut self, other: &Counts) {
        self.cuts += other.cuts;
        self.many += other.many;
        self.bytes += other.bytes;
        self.truncations += other.truncations;
        self.trailing += other.trailing;
        self.first_peers += other.first_peers;
        for (sum, n) in self.modes.iter_mut().zip(other.modes) {
            *sum += n;
        }
    }
}

/// What came of a trial.
#[derive(Clone, Debug)]
pub struct Tried {
    /// What the module made of the reply, in every way.
    pub heard: Heard,
    /// The ways.
    pub counts: Counts,
}

/// Plays a reply in every way it can arrive, on a connection that needs no greeting, and says what all of
/// them agree on.
///
/// # Errors
/// As [`every_way`].
pub fn every_cut(configured: &Configured, asking: &Asking, reply: &[u8]) -> Result<Heard, String> {
    every_way(configured, asking, b"", reply).map(|tried| tried.heard)
}

/// Plays what a peer says in every way it can arrive: its side of the conversation before the request, unless
/// that is empty, and its reply.
///
/// # Errors
/// A sentence about the first way that made a difference, or that ended as no way may.
pub fn every_way(
    configured: &Configured,
    asking: &Asking,
    greeting: &[u8],
    reply: &[u8],
) -> Result<Tried, String> {
    let stream = [greeting, reply].concat();
    let ask = Ask { configured, asking };
    let whole = hear_in(&mut *ask.module()?, Mode::Memory, WIDE, !greeting.is_empty(), &[&stream]);
    let greets = !greeting.is_empty();
    let mut trial = Trial { ask, greets, stream: &stream, reply, whole, counts: Counts::default() };
    trial.cuts()?;
    trial.bytes()?;
    trial.many()?;
    trial.truncations()?;
    trial.trailing()?;
    trial.first_peers()?;
    Ok(Tried { heard: trial.whole, counts: trial.counts })
}

struct Ask<'a> {
    configured: &'a Configured,
    asking: &'a Asking,
}

impl Ask<'_> {
    /// The module, having asked.
    fn module(&self) -> Result<Box<dyn Erased>, String> {
        let module = self.configured.kind.create_request(
            &mut self.asking.clone(),
            &self.configured.location,
            &mut Out::new(),
        );
        module.map_err(|fault| format!("create_request: {fault:?}"))
    }
}

struct Trial<'a> {
    ask: Ask<'a>,
    /// The stream begins with a conversation before the request.
    greets: bool,
    /// All that the peer says.
    stream: &'a [u8],
    /// The part of it that answers the request.
    reply: &'a [u8],
    whole: Heard,
    counts: Counts,
}

/// How one way is relayed.
type Relayed = (Mode, usize);

/// Every mode with every window.
fn every_relay() -> impl Iterator<Item = Relayed> {
    Mode::ALL.into_iter().flat_map(|mode| WINDOWS.map(|window| (mode, window)))
}

/// One of them, by a number.
fn relay_of(n: u64) -> Relayed {
    every_relay().nth((n % 8) as usize).unwrap_or((Mode::Memory, WIDE))
}

impl Trial<'_> {
    /// Plays one way on a new module.
    fn hear(&mut self, (mode, window): Relayed, pieces: &[&[u8]]) -> Result<Heard, String> {
        self.hear_on(&mut *self.ask.module()?, (mode, window), self.greets, pieces)
    }

    fn hear_on(
        &mut self,
        module: &mut dyn Erased,
        (mode, window): Relayed,
        greets: bool,
        pieces: &[&[u8]],
    ) -> Result<Heard, String> {
        let count = Mode::ALL.iter().position(|each| *each == mode);
        if let Some(count) = count.and_then(|at| self.counts.modes.get_mut(at)) {
            *count += 1;
        }
        Ok(hear_in(module, mode, window, greets, pieces))
    }

    fn cuts(&mut self) -> Result<(), String> {
        for cut in 0..=self.stream.len() {
            let (front, back) = self.stream.split_at_checked(cut).unwrap_or((self.stream, b""));
            for relayed in every_relay() {
                let heard = self.hear(relayed, &[front, back])?;
                self.counts.cuts += 1;
                same(&self.whole, &heard, || format!("cut at {cut}, {}", name(relayed)))?;
            }
        }
        Ok(())
    }

    fn bytes(&mut self) -> Result<(), String> {
        let each: Vec<&[u8]> = self.stream.chunks(1).collect();
        for relayed in every_relay() {
            let heard = self.hear(relayed, &each)?;
            self.counts.bytes += 1;
            same(&self.whole, &heard, || format!("byte by byte, {}", name(relayed)))?;
        }
        Ok(())
    }

    fn many(&mut self) -> Result<(), String> {
        let mut dice = Dice(self.stream.len() as u64);
        for _ in 0..SAMPLES {
            let (pieces, relayed) = (dice.pieces(self.stream), relay_of(dice.roll()));
            let heard = self.hear(relayed, &pieces)?;
            self.counts.many += 1;
            same(&self.whole, &heard, || {
                let lengths: Vec<usize> = pieces.iter().map(|piece| piece.len()).collect();
                format!("in pieces of {lengths:?}, {}", name(relayed))
            })?;
        }
        Ok(())
    }

    /// A reply that lacks its end: the same in every way, the beginning of the whole, and nothing to
    /// build on.
    fn truncations(&mut self) -> Result<(), String> {
        let end = self.stream.len().saturating_sub(self.whole.left_over);
        let mut dice = Dice(1);
        for length in 0..self.stream.len() {
            let part = self.stream.get(..length).unwrap_or_default();
            let first = self.hear((Mode::Memory, WIDE), &[part])?;
            let (pieces, each) = (dice.pieces(part), part.chunks(1).collect::<Vec<_>>());
            for (n, pieces) in (dice.roll() % 8..).zip([pieces, each]) {
                let heard = self.hear(relay_of(n), &pieces)?;
                same(&first, &heard, || format!("truncated at {length}, {}", name(relay_of(n))))?;
            }
            self.counts.truncations += 3;
            let is_over = length >= end || matches!(self.whole.end, End::Fault(_));
            if !is_over && (first.reusable || first.end == End::Framed) {
                return Err(format!("truncated at {length}: it ends as if it were whole: {first:?}"));
            }
            if !self.whole.body.starts_with(&first.body) {
                return Err(format!("truncated at {length}: another body: {first:?}"));
            }
        }
        Ok(())
    }

    /// What stands behind a reply that frames itself is left over, and that is all it does.
    fn trailing(&mut self) -> Result<(), String> {
        if self.whole.end != End::Framed {
            return Ok(());
        }
        let mut want = self.whole.clone();
        want.reusable = false;
        for tail in TAILS {
            want.left_over = self.whole.left_over + tail.len();
            let together = [self.stream, tail].concat();
            for relayed in every_relay() {
                for pieces in [&[self.stream, tail][..], &[&together[..]]] {
                    let heard = self.hear(relayed, pieces)?;
                    self.counts.trailing += 1;
                    same(&want, &heard, || {
                        format!("with {} behind it, {}", tail.escape_ascii(), name(relayed))
                    })?;
                }
            }
        }
        Ok(())
    }

    /// A first peer dies, or errs, after so many bytes; the second one says everything.
    fn first_peers(&mut self) -> Result<(), String> {
        let fresh = hear_in(&mut *self.ask.module()?, Mode::Memory, WIDE, false, &[self.reply]);
        let unsaid = Heard { said: Vec::new(), ..self.whole.clone() };
        same(&unsaid, &fresh, || "on a connection that was greeted before".to_owned())?;
        for at in 0..=self.stream.len() {
            let (front, back) = self.stream.split_at_checked(at).unwrap_or((self.stream, b""));
            let wrong: Vec<u8> = back.iter().map(|byte| byte ^ 0x55).collect();
            for (how, end) in [("died", &b""[..]), ("erred", &wrong)] {
                for greets in [false, true] {
                    if greets && !self.greets {
                        continue;
                    }
                    let (first, second) = (relay_of(at as u64), relay_of(at as u64 / 8 + at as u64));
                    let mut module = self.ask.module()?;
                    hear_in(&mut *module, first.0, first.1, self.greets, &[front, end]);
                    module.reinit_request();
                    let words = if greets { self.stream } else { self.reply };
                    let heard = self.hear_on(&mut *module, second, greets, &[words])?;
                    self.counts.first_peers += 1;
                    let want = if greets { &self.whole } else { &unsaid };
                    same(want, &heard, || format!("after a peer that {how} at {at}, {}", name(second)))?;
                }
            }
        }
        Ok(())
    }
}

fn name((mode, window): Relayed) -> String {
    let mode = match mode {
        Mode::Memory => "in memory",
        Mode::Unbuffered => "unbuffered",
        Mode::Buffered => "buffered",
        Mode::Spliced => "spliced",
    };
    format!("{mode}, in a window of {window}")
}

/// Whether two ways came to the same. What a refused reply leaves unread depends on where it was cut, and
/// nobody uses it.
///
/// # Errors
/// The first thing that differs.
pub fn agree(want: &Heard, heard: &Heard) -> Result<(), String> {
    if want == heard {
        return Ok(());
    }
    first_difference(&loose(want), &loose(heard)).map_or(Ok(()), Err)
}

fn same(want: &Heard, heard: &Heard, how: impl FnOnce() -> String) -> Result<(), String> {
    agree(want, heard).map_err(|difference| format!("{}: {difference}", how()))
}

fn loose(heard: &Heard) -> Heard {
    let mut heard = heard.clone();
    if matches!(heard.end, End::Fault(_)) {
        heard.left_over = 0;
        heard.head.detail = Slice::EMPTY;
    }
    heard
}

fn first_difference(want: &Heard, heard: &Heard) -> Option<String> {
    fn of<T: Debug + PartialEq>(what: &str, want: &T, heard: &T) -> Option<String> {
        (want != heard).then(|| format!("{what} is {heard:?}, and {want:?} when it comes whole"))
    }
    fn of_bytes(what: &str, want: &[u8], heard: &[u8]) -> Option<String> {
        let at = want.iter().zip(heard).take_while(|(a, b)| a == b).count();
        let show = |bytes: &[u8]| bytes.iter().skip(at).take(16).copied().collect::<Vec<u8>>();
        let (a, b) = (show(want), show(heard));
        (want != heard).then(|| {
            let (a, b) = (a.escape_ascii(), b.escape_ascii());
            format!("{what} is \"{b}\" from byte {at} on, and \"{a}\" when it comes whole")
        })
    }
    of("the end", &want.end, &heard.end)
        .or_else(|| of("the status", &want.head.status, &heard.head.status))
        .or_else(|| of_bytes("the body", &want.body, &heard.body))
        .or_else(|| of("what is left over", &want.left_over, &heard.left_over))
        .or_else(|| of("reuse of the connection", &want.reusable, &heard.reusable))
        .or_else(|| of("the fields", &want.head.fields, &heard.head.fields))
        .or_else(|| of("the head", &want.head, &heard.head))
        .or_else(|| of("the framing", &want.framing, &heard.framing))
        .or_else(|| of("the row of interim replies", &want.interims, &heard.interims))
        .or_else(|| of("the trailers", &want.trailers, &heard.trailers))
        .or_else(|| of("the notes", &want.notes, &heard.notes))
        .or_else(|| of_bytes("the greeting", &want.said, &heard.said))
}

/// Numbers that are the same each time (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Cuts into three to nine pieces, some of which may be empty.
    fn pieces<'a>(&mut self, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        for left in (2..3 + self.roll() % 7).rev() {
            let most = (bytes.len() as u64 * 2).div_ceil(left) + 1;
            let cut = usize::try_from(self.roll() % most).unwrap_or(0).min(bytes.len());
            let (front, back) = bytes.split_at_checked(cut).unwrap_or((bytes, b""));
            pieces.push(front);
            bytes = back;
        }
        pieces.push(bytes);
        pieces
    }
}
