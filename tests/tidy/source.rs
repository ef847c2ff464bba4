//! A source file taken apart: code without comments and strings, comments without code, functions.
//!
//! This is no parser. It knows comments, literals, braces and `#[cfg(test)]`, which is what the rules need,
//! and keeps every line and column where it was, so that a complaint can name its place.

/// One file and what the rules ask of it.
pub struct Source {
    /// Path from the root of the project, with `/`.
    pub name: String,
    /// The lines as they are.
    pub raw: Vec<String>,
    /// The lines with comments and the contents of literals blanked.
    pub code: Vec<String>,
    /// As `code`, with the items under `#[cfg(test)]` blanked too.
    pub shipped: Vec<String>,
    /// The lines with everything but comments blanked.
    pub comments: Vec<String>,
    /// Functions with a body, in the order of their beginnings.
    pub functions: Vec<Function>,
}

/// A function: name, first and last line, counted from 0.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    pub first: usize,
    pub last: usize,
}

impl Source {
    pub fn new(name: &str, text: &str) -> Source {
        let (code, comments) = separate(text);
        let mut shipped = code.clone();
        blank_tests(&mut shipped);
        let functions = functions(&code);
        Source {
            name: name.to_owned(),
            raw: text.lines().map(str::to_owned).collect(),
            code: lines(&code),
            shipped: lines(&shipped),
            comments: lines(&comments),
            functions,
        }
    }

    /// The innermost function around a line.
    pub fn function_at(&self, line: usize) -> Option<&Function> {
        self.functions.iter().rfind(|f| (f.first..=f.last).contains(&line))
    }

    /// Whether the line, or a comment alone on the line before, claims an exception with a reason.
    pub fn is_excepted(&self, line: usize) -> bool {
        let claims = |n: usize| {
            let comment = self.comments.get(n).map_or("", |c| c.trim());
            comment.strip_prefix("// tidy:").is_some_and(|reason| reason.trim().len() >= 10)
        };
        let alone = |n: usize| self.code.get(n).is_some_and(|c| c.trim().is_empty());
        claims(line) || line.checked_sub(1).is_some_and(|above| alone(above) && claims(above))
    }

    /// How many exceptions the file claims.
    pub fn exceptions(&self) -> usize {
        self.comments.iter().filter(|c| c.trim().starts_with("// tidy:")).count()
    }

    /// Whether the whole file is for tests.
    pub fn is_test(&self) -> bool {
        self.name.starts_with("tests/") || self.name.ends_with("tests.rs")
    }
}

fn lines(chars: &[char]) -> Vec<String> {
    chars.iter().collect::<String>().lines().map(str::to_owned).collect()
}

/// Where one piece of the text ends, and whether it is code, a comment, or the inside of a literal.
enum Piece {
    Code(usize),
    Comment(usize),
    Literal(usize),
}

/// Code alone and comments alone, both as long as the text.
fn separate(text: &str) -> (Vec<char>, Vec<char>) {
    let text: Vec<char> = text.chars().collect();
    let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
    let (mut code, mut comments) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < text.len() {
        let (end, is_code, is_comment) = match piece(&text, at) {
            Piece::Code(end) => (end, true, false),
            Piece::Comment(end) => (end, false, true),
            Piece::Literal(end) => (end, false, false),
        };
        for c in &text[at..end.min(text.len())] {
            code.push(if is_code { *c } else { blank(*c) });
            comments.push(if is_comment { *c } else { blank(*c) });
        }
        at = end;
    }
    (code, comments)
}

fn piece(text: &[char], at: usize) -> Piece {
    let get = |n: usize| text.get(at + n).copied().unwrap_or('\0');
    let word_before = at > 0 && (text[at - 1].is_alphanumeric() || text[at - 1] == '_');
    match text[at] {
        '/' if get(1) == '/' => Piece::Comment(find(text, at, |t, i| t[i] == '\n')),
        '/' if get(1) == '*' => Piece::Comment(block_comment(text, at)),
        '"' => Piece::Literal(quoted(text, at + 1, '"')),
        'r' | 'b' | 'c' if !word_before => {
            let raw = at + usize::from(text[at] != 'r' && get(1) == 'r');
            let hashes = text[raw + 1..].iter().take_while(|c| **c == '#').count();
            if text[raw] == 'r' && text.get(raw + 1 + hashes) == Some(&'"') {
                return Piece::Literal(raw_string(text, raw + 2 + hashes, hashes));
            }
            Piece::Code(at + 1)
        }
        // a character, or else the quote of a lifetime
        '\'' if get(1) == '\\' => Piece::Literal(quoted(text, at + 1, '\'')),
        '\'' if get(2) == '\'' => Piece::Literal(at + 3),
        _ => Piece::Code(at + 1),
    }
}

fn find(text: &[char], from: usize, is_end: impl Fn(&[char], usize) -> bool) -> usize {
    (from..text.len()).find(|i| is_end(text, *i)).unwrap_or(text.len())
}

fn quoted(text: &[char], mut at: usize, quote: char) -> usize {
    while at < text.len() && text[at] != quote {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

fn raw_string(text: &[char], from: usize, hashes: usize) -> usize {
    let ends = |t: &[char], i: usize| {
        t[i] == '"' && t[i + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    (find(text, from, ends) + 1 + hashes).min(text.len())
}

fn block_comment(text: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at + 1 < text.len() {
        match (text[at], text[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Blanks each item that follows `#[cfg(test)]`.
fn blank_tests(code: &mut [char]) {
    const MARK: &str = "#[cfg(test)]";
    let mark: Vec<char> = MARK.chars().collect();
    let mut at = 0;
    while let Some(found) = code[at..].windows(mark.len()).position(|w| w == mark) {
        let start = at + found;
        let end = item_end(code, start + mark.len());
        for c in &mut code[start..end] {
            if *c != '\n' {
                *c = ' ';
            }
        }
        at = end;
    }
}

/// The end of the item which begins at `from`: its closing brace, or a semicolon before any brace.
fn item_end(code: &[char], from: usize) -> usize {
    let first = find(code, from, |t, i| t[i] == ';' || t[i] == '{');
    if code.get(first) == Some(&'{') { closing_brace(code, first) + 1 } else { (first + 1).min(code.len()) }
}

/// Where the brace that opens at `open` closes.
fn closing_brace(code: &[char], open: usize) -> usize {
    let mut depth = 0;
    for (at, c) in code.iter().enumerate().skip(open) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    code.len().saturating_sub(1)
}

fn functions(code: &[char]) -> Vec<Function> {
    let line_of = |at: usize| code[..at].iter().filter(|c| **c == '\n').count();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for at in 0..code.len().saturating_sub(3) {
        let starts = code[at..at + 3] == ['f', 'n', ' '] && (at == 0 || !is_word(code[at - 1]));
        let name: String = code[at + 3..].iter().take_while(|c| is_word(**c)).collect();
        if !starts || name.is_empty() {
            continue;
        }
        // arrays such as [u8; 4] in a signature hold a semicolon that ends nothing
        let mut brackets = 0;
        let body = (at..code.len()).find(|i| {
            match code[*i] {
                '[' | '(' => brackets += 1,
                ']' | ')' => brackets -= 1,
                _ => {}
            }
            brackets == 0 && matches!(code[*i], '{' | ';')
        });
        if let Some(open) = body.filter(|open| code[*open] == '{') {
            found.push(Function { name, first: line_of(at), last: line_of(closing_brace(code, open)) });
        }
    }
    found
}

#[test]
fn comments_and_literals_are_told_from_code() {
    let source = Source::new(
        "src/x.rs",
        "let a = \"// no\"; // yes {\nlet b = '{'; /* x /* y */ */ f::<'a>(r#\"\"{\"#);\n",
    );
    assert_eq!(source.code[0].trim_end(), "let a =        ;");
    assert_eq!(source.comments[0].trim(), "// yes {");
    assert_eq!(
        source.code[1].split_whitespace().collect::<Vec<_>>(),
        ["let", "b", "=", ";", "f::<'a>(", ");"]
    );
}

#[test]
fn functions_are_found_with_their_ends() {
    let text = "fn a(x: [u8; 2]) {\n  fn b() {}\n}\ntrait T { fn c(); }\nstruct S { f: fn() }\n";
    let source = Source::new("src/x.rs", text);
    let names: Vec<_> = source.functions.iter().map(|f| (f.name.as_str(), f.first, f.last)).collect();
    assert_eq!(names, [("a", 0, 2), ("b", 1, 1)]);
    assert_eq!(source.function_at(1).map(|f| f.name.as_str()), Some("b"));
}

#[test]
fn what_is_only_for_tests_is_not_shipped() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() { x.unwrap() }\n}\n\
                #[cfg(test)]\nmod m_tests;\nfn c() {}\n";
    let shipped = Source::new("src/x.rs", text).shipped.join("");
    assert!(shipped.contains("fn a") && shipped.contains("fn c"));
    assert!(!shipped.contains("unwrap") && !shipped.contains("m_tests"));
}
