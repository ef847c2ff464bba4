//! Bytes become words: the lexical rules of nginx.conf.
//!
//! *In nginx*: `ngx_conf_read_token`, one loop over a 4096-byte buffer with half a dozen flags. It returns
//! after each directive, with the words in `cf->args` and how the directive ended as the return code.
//!
//! *Here*: the same unit, a [`Statement`], read by small functions that each own one situation: between
//! words, in a plain word, in a quoted word, just behind a closing quote. Bytes are bytes; nothing needs to
//! be UTF-8. This file must not know files, includes or directive names.
//!
//! ```text
//!   proxy_set_header  X-Id  "a \"b\" c" ;      server {           # note      }
//!   └ plain ──────┘  └plain┘└ quoted ──┘│      └plain┘│           └ skipped   │
//!                              End::Semicolon    End::Open             End::Close
//! ```
//!
//! NGINX: a `#` inside a word is a letter; `${` does not open a block and its `{` belongs to the word, `}`
//! too; a backslash takes any byte into the word but only `\"` `\'` `\\` lose it, and `\t` `\r` `\n`
//! become what they are called; behind a closing quote only a blank, `;`, `{` or `)` may stand.
//!
//! *Read next*: `tree` (statements become lines).

/// The longest word, as written, with its end: the size of nginx's reading buffer.
const LONGEST_WORD: usize = 4096;

/// One word, escapes and quotes taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Any bytes; may be empty when quoted.
    pub text: Vec<u8>,
    /// Whether it stood between quotes.
    pub quoted: bool,
}

/// How a statement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `;` behind at least one word.
    Semicolon,
    /// `{` behind at least one word.
    Open,
    /// `}` without a word before it.
    Close,
    /// The text is over, without a word before.
    Eof,
}

/// The words up to one `;`, `{` or `}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Empty only before `}` and at the end.
    pub words: Vec<Word>,
    /// What came behind them.
    pub end: End,
}

/// Reads statements from a text, which is a file or the argument of `-g`.
pub struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
    is_file: bool,
}

impl<'a> Lexer<'a> {
    /// Reads a file's text.
    pub fn file(text: &'a [u8]) -> Self {
        Lexer { text, at: 0, line: 1, is_file: true }
    }

    /// Reads the argument of `-g`: there a word may have any length, and the end is called otherwise.
    pub fn command_line(text: &'a [u8]) -> Self {
        Lexer { is_file: false, ..Lexer::file(text) }
    }

    /// The line reached, counted from 1: where an error just returned belongs.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The next statement. An Err is nginx's sentence without the place; nothing can be read after it.
    pub fn statement(&mut self) -> Result<Statement, String> {
        let mut words = Vec::new();
        loop {
            self.skip_blanks_and_comments();
            let end = match (self.peek(), words.is_empty()) {
                (None, true) => End::Eof,
                (None, false) => return Err(self.unexpected_end()),
                (Some(b'}'), true) => End::Close,
                (Some(b';'), false) => End::Semicolon,
                (Some(b'{'), false) => End::Open,
                (Some(byte @ (b'}' | b';' | b'{')), _) => return Err(unexpected(byte)),
                (Some(quote @ (b'"' | b'\'')), _) => {
                    words.push(self.quoted_word(quote)?);
                    continue;
                }
                (Some(_), _) => {
                    words.push(self.plain_word()?);
                    continue;
                }
            };
            self.bump();
            return Ok(Statement { words, end });
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Takes the byte that `peek` shows.
    fn bump(&mut self) {
        if let Some(byte) = self.peek() {
            self.at += 1;
            self.line = self.line.saturating_add(u32::from(byte == b'\n'));
        }
    }

    fn skip_blanks_and_comments(&mut self) {
        let mut comment = false;
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => comment = false,
                b'#' => comment = true,
                _ if comment || is_blank(byte) => {}
                _ => return,
            }
            self.bump();
        }
    }

    fn plain_word(&mut self) -> Result<Word, String> {
        let (start, start_line) = (self.at, self.line);
        let mut dollar = false;
        loop {
            let Some(byte) = self.peek() else { return Err(self.unexpected_end()) };
            match byte {
                b'{' if dollar => {}
                b';' | b'{' => break,
                _ if is_blank(byte) => break,
                b'\\' => self.bump(),
                _ => {}
            }
            // The brace of `${` keeps the dollar's power, as in nginx.
            dollar = byte == b'$' || dollar && byte == b'{';
            self.bump();
            self.check_length(start, start_line, None)?;
        }
        Ok(Word { text: unescape(self.since(start)), quoted: false })
    }

    fn quoted_word(&mut self, quote: u8) -> Result<Word, String> {
        self.bump();
        let (start, start_line) = (self.at, self.line);
        loop {
            match self.peek() {
                None => return Err(self.unexpected_end()),
                Some(byte) if byte == quote => break,
                Some(b'\\') => self.bump(),
                Some(_) => {}
            }
            self.bump();
            self.check_length(start, start_line, Some(quote))?;
        }
        let word = Word { text: unescape(self.since(start)), quoted: true };
        self.bump();
        match self.peek() {
            // `)` may close an `if (…)` directly behind a string; it starts a word of its own.
            None | Some(b';' | b'{' | b')') => Ok(word),
            Some(byte) if is_blank(byte) => Ok(word),
            Some(byte) => Err(unexpected(byte)),
        }
    }

    fn since(&self, start: usize) -> &'a [u8] {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Refuses a word that would not fit nginx's buffer: most often a quote was forgotten.
    fn check_length(&mut self, start: usize, start_line: u32, quote: Option<u8>) -> Result<(), String> {
        let word = self.since(start);
        // At the very end of the text the missing `;` is the better message.
        if !self.is_file || word.len() < LONGEST_WORD || self.peek().is_none() {
            return Ok(());
        }
        self.line = start_line;
        Err(match quote {
            Some(quote) => {
                let quote = char::from(quote);
                format!("too long parameter, probably missing terminating \"{quote}\" character")
            }
            None => {
                let beginning = String::from_utf8_lossy(word.get(..10).unwrap_or(word));
                format!("too long parameter \"{beginning}...\" started")
            }
        })
    }

    fn unexpected_end(&self) -> String {
        match self.is_file {
            true => "unexpected end of file, expecting \";\" or \"}\"".to_owned(),
            false => "unexpected end of parameter, expecting \";\"".to_owned(),
        }
    }
}

fn unexpected(byte: u8) -> String {
    format!("unexpected \"{}\"", String::from_utf8_lossy(&[byte]))
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Takes the escapes out of a word as written.
fn unescape(written: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(written.len());
    let mut rest = written;
    loop {
        rest = match rest {
            [b'\\', byte @ (b'"' | b'\'' | b'\\'), after @ ..] => {
                text.push(*byte);
                after
            }
            [b'\\', byte @ (b't' | b'r' | b'n'), after @ ..] => {
                text.push(if *byte == b't' {
                    b'\t'
                } else if *byte == b'r' {
                    b'\r'
                } else {
                    b'\n'
                });
                after
            }
            [byte, after @ ..] => {
                text.push(*byte);
                after
            }
            [] => return text,
        }
    }
}

#[cfg(test)]
#[path = "lexer_tests.rs"]
mod tests;
