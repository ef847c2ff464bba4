//! Numbers that are the same each time, and mutations made of them.

/// A generator of numbers (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 if there is none.
    pub fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }

    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Cuts into pieces, some of which may be empty.
    pub fn pieces<'a>(&mut self, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        for _ in 0..self.below(8) {
            let most = bytes.len() / (1 + self.below(4));
            let (front, back) = bytes.split_at(self.below(most + 1));
            pieces.push(front);
            bytes = back;
        }
        pieces.push(bytes);
        pieces
    }
}

/// Texts that mean something to one parser or another.
const WORDS: [&str; 53] = [
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "\0",
    " ",
    "\t",
    ":",
    ": ",
    ",",
    ";",
    "=",
    "\"",
    "'",
    "\\",
    "/",
    "//",
    "/../",
    "/./",
    "%",
    "%00",
    "%2e%2e%2f",
    "?",
    "#",
    "@",
    "$",
    "${",
    "}",
    "{",
    "-",
    "-1",
    "0",
    "0x",
    "+",
    "*",
    "chunked",
    "Content-Length: 0\r\n",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "X-Accel-Redirect: /quiet\r\n",
    "X-Accel-Limit-Rate: 1\r\n",
    "Content-Encoding: gzip\r\n",
    "Set-Cookie: a=b; path=/\r\n",
    "Status: 500\r\n",
    "Location: /x\r\n",
    "HTTP/1.1",
    "HTTP/1.0",
    "0\r\n\r\n",
    "END\r\n",
    "\u{e9}",
    "\u{202e}",
    "[::1]",
];

/// Numbers at which something may end.
const NUMBERS: [&str; 14] = [
    "0",
    "1",
    "00",
    "127",
    "255",
    "256",
    "65535",
    "65536",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
];

/// The largest input: more would be slow and find nothing.
const LARGEST: usize = 4096;

/// One of the good messages, with a few things wrong.
pub fn mutate(dice: &mut Dice, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = dice.one_of(corpus).clone();
    for _ in 0..1 + dice.below(5) {
        step(dice, &mut bytes, corpus);
    }
    bytes.truncate(LARGEST);
    bytes
}

fn range(dice: &mut Dice, bytes: &[u8]) -> std::ops::Range<usize> {
    let from = dice.below(bytes.len() + 1);
    let most = 1 << dice.below(7);
    from..(from + dice.below(most)).min(bytes.len())
}

fn step(dice: &mut Dice, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let at = dice.below(bytes.len() + 1);
    match dice.below(12) {
        0 => flip(dice, bytes, |dice, byte| byte ^ (1 << dice.below(8))),
        1 => flip(dice, bytes, |dice, _| dice.roll() as u8),
        2 => flip(dice, bytes, |dice, byte| byte.wrapping_add([1, 255][dice.below(2)])),
        3 => flip(dice, bytes, |dice, _| *dice.one_of(&[0, 1, 0x7f, 0x80, 0xfb, 0xfc, 0xfe, 0xff])),
        4 => drop(bytes.drain(range(dice, bytes))),
        5 => bytes.truncate(at),
        6 => {
            let part = bytes[range(dice, bytes)].repeat(1 + dice.below(3));
            bytes.splice(at..at, part);
        }
        7 => {
            let byte = bytes.get(at).copied().unwrap_or(b'a');
            let most = 1 << dice.below(11);
            bytes.splice(at..at, vec![byte; dice.below(most)]);
        }
        8 | 9 => {
            let word = dice.one_of(&WORDS).bytes();
            bytes.splice(at..at, word);
        }
        10 => number(dice, bytes),
        _ => {
            let other = dice.one_of(corpus);
            let part = other[range(dice, other)].to_vec();
            let into = range(dice, bytes);
            bytes.splice(into, part);
        }
    }
}

fn flip(dice: &mut Dice, bytes: &mut [u8], change: impl Fn(&mut Dice, u8) -> u8) {
    let at = dice.below(bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte = change(dice, *byte);
    }
}

/// Another number where there is one.
fn number(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let digits: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
    if digits.is_empty() {
        return;
    }
    let from = *dice.one_of(&digits);
    let length = bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let word = dice.one_of(&NUMBERS).bytes();
    bytes.splice(from..from + length, word);
}
