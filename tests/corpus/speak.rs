//! Replies of peers: the same in every way they can arrive, and no reuse after anything odd.

use super::binary::END;
use super::dice::Dice;
use super::replies;
use super::targets::number_of;
use super::{Case, heads};
use headwater::protocol::bench::{Asking, Configured, End, Heard, Mode, agree, hear_in};
use headwater::protocol::{Erased, Framing, Out};

/// A case with its configuration read.
struct Ready {
    case: Case,
    configured: Configured,
    asking: Asking,
}

/// The corpus and the function of a module. The first byte of an input chooses the case.
pub fn target(module: &'static str) -> (Vec<Vec<u8>>, impl Fn(&[u8])) {
    let cases = replies::all().into_iter().filter(|case| case.module == module);
    let ready: Vec<Ready> = cases
        .map(|case| {
            let configured = case.configured();
            let asking = case.asking(&configured);
            Ready { case, configured, asking }
        })
        .collect();
    let inputs = ready
        .iter()
        .zip(0u8..)
        .map(|(ready, n)| [&[n][..], &ready.case.greeting, &ready.case.reply].concat());
    (inputs.collect(), move |bytes: &[u8]| {
        let Some((first, stream)) = bytes.split_first() else { return };
        ready[usize::from(*first) % ready.len()].try_stream(stream);
    })
}

impl Ready {
    fn module(&self) -> Box<dyn Erased> {
        let (kind, location) = (&self.configured.kind, &self.configured.location);
        kind.create_request(&mut self.asking.clone(), location, &mut Out::new()).expect("a request")
    }

    fn greets(&self) -> bool {
        !self.case.greeting.is_empty()
    }

    fn hear(&self, module: &mut dyn Erased, dice: &mut Dice, pieces: &[&[u8]]) -> Heard {
        let (mode, window) = (*dice.one_of(&Mode::ALL), *dice.one_of(&[1, 5, 16, 64, 4096]));
        hear_in(module, mode, window, self.greets(), pieces)
    }

    fn try_stream(&self, stream: &[u8]) {
        let dice = &mut Dice(number_of(stream));
        let whole = hear_in(&mut *self.module(), Mode::Memory, 4096, self.greets(), &[stream]);
        let same = |heard: &Heard, what: &str| {
            agree(&whole, heard).unwrap_or_else(|difference| panic!("{what}: {difference}"));
        };
        same(&self.hear(&mut *self.module(), dice, &dice_pieces(stream)), "in pieces");
        let cut = &stream[..dice.below(stream.len() + 1)];
        let mut module = self.module();
        let part = self.hear(&mut *module, dice, &[cut]);
        module.reinit_request();
        same(&self.hear(&mut *module, dice, &[stream]), "after another peer");
        let end = stream.len() - whole.left_over;
        if cut.len() < end && !matches!(whole.end, End::Fault(_)) {
            assert!(!part.reusable && part.end != End::Framed, "whole before its end, {}", cut.len());
            assert!(whole.body.starts_with(&part.body), "another body when cut at {}", cut.len());
        }
        if whole.end == End::Framed {
            let tail = *dice.one_of(&[&b"X"[..], b"\r\n", b"\0\0\0\0"]);
            let more = self.hear(&mut *self.module(), dice, &[stream, tail]);
            assert_eq!(more.left_over, whole.left_over + tail.len(), "a tail was used");
            assert!(!more.reusable && more.body == whole.body, "a tail was overlooked");
        }
        if whole.reusable {
            assert_eq!((whole.left_over, &whole.end), (0, &End::Framed));
            self.judge(stream, &whole);
        }
    }

    /// The connection may be used again: so another reader of the protocol must think the reply complete.
    fn judge(&self, stream: &[u8], whole: &Heard) {
        match self.case.module {
            "proxy" => heads::judge_reply(stream, whole, self.case.method == "HEAD"),
            "memcached" if whole.framing != Some(Framing::Empty) => {
                assert!(stream.ends_with(&[&whole.body[..], b"\r\nEND\r\n"].concat()), "another value");
            }
            "memcached" | "echo" => {
                assert!(stream.iter().position(|b| *b == b'\n') == Some(stream.len() - 1), "not one line");
            }
            "redis" => self.judge_redis(stream, whole),
            "fastcgi" => judge_records(stream),
            "mysql" => self.judge_mysql(stream, whole),
            other => panic!("a connection of {other} cannot be used again"),
        }
    }

    fn judge_redis(&self, stream: &[u8], whole: &Heard) {
        assert!(stream.ends_with(b"\n"), "not at the end of a line");
        if whole.head.status != 200 || self.greets() {
            return;
        }
        if self.case.directives.contains("json") {
            judge_json(&whole.body);
        }
        if self.case.directives.contains("raw") {
            // A line may have ended with LF alone: it is passed on with CRLF.
            let plain = |bytes: &[u8]| bytes.iter().filter(|b| **b != b'\r').copied().collect::<Vec<_>>();
            assert_eq!(
                plain(&whole.body).escape_ascii().to_string(),
                plain(stream).escape_ascii().to_string()
            );
        }
    }

    fn judge_mysql(&self, stream: &[u8], whole: &Heard) {
        let (mut rest, mut last) = (stream, &b""[..]);
        while let Some(([low, middle, high, _], content)) = rest.split_first_chunk::<4>() {
            let length = usize::from(*low) | usize::from(*middle) << 8 | usize::from(*high) << 16;
            (last, rest) = content.split_at_checked(length).expect("a packet is cut");
        }
        assert!(
            rest.is_empty() && matches!(last.first(), Some(0 | 0xfe | 0xff)),
            "not at the end of a reply"
        );
        if whole.head.status == 200 && !self.case.directives.contains("csv") {
            judge_json(&whole.body);
        }
    }
}

/// Pieces that depend on the bytes alone.
fn dice_pieces(stream: &[u8]) -> Vec<&[u8]> {
    Dice(number_of(stream) ^ 1).pieces(stream)
}

fn judge_json(body: &[u8]) {
    let read = serde_json::from_slice::<serde_json::Value>(body);
    assert!(read.is_ok(), "no JSON: {:?}: {}", read.err(), body.escape_ascii());
}

fn judge_records(stream: &[u8]) {
    let (mut rest, mut last) = (stream, 0);
    while let Some(([_, kind, _, _, high, low, padding, _], content)) = rest.split_first_chunk::<8>() {
        let length = usize::from(u16::from_be_bytes([*high, *low])) + usize::from(*padding);
        (last, rest) = (*kind, content.get(length..).expect("a record is cut"));
    }
    assert!(rest.is_empty() && last == END, "not at the end of a reply");
}
