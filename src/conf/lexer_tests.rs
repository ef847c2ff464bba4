//! The lexical rules, row by row; what each text means was checked against nginx.

use super::*;
use proptest::prelude::*;

/// All statements in a compact notation: words in <>, quoted ones in «», the end behind; then the error.
fn lex(text: impl AsRef<[u8]>) -> String {
    show(Lexer::file(text.as_ref()))
}

fn show(mut lexer: Lexer) -> String {
    let mut out = String::new();
    loop {
        match lexer.statement() {
            Ok(Statement { words, end }) => {
                for Word { text, quoted } in words {
                    let text = text.escape_ascii().to_string();
                    out += &if quoted { format!("«{text}»") } else { format!("<{text}>") };
                }
                match end {
                    End::Semicolon => out.push(';'),
                    End::Open => out.push('{'),
                    End::Close => out.push('}'),
                    End::Eof => return out,
                }
            }
            Err(text) => return out + "! " + &text + &format!(" :{}", lexer.line()),
        }
    }
}

#[test]
fn words_end_at_blanks_semicolons_and_braces() {
    for (text, expected) in [
        ("", ""),
        (" \t\r\n", ""),
        ("a;", "<a>;"),
        ("a b\tc\nd\re;", "<a><b><c><d><e>;"),
        ("a ;", "<a>;"),
        ("a{}", "<a>{}"),
        ("a{b c;}d;", "<a>{<b><c>;}<d>;"),
        ("a}b;", "<a}b>;"),
        ("a b}c;", "<a><b}c>;"),
        ("if ($a = b) {", "<if><($a><=><b)>{"),
        ("a\0b \u{e9};", r"<a\x00b><\xc3\xa9>;"),
    ] {
        assert_eq!(lex(text), expected, "{text}");
    }
}

#[test]
fn any_byte_may_be_in_a_word() {
    assert_eq!(lex(b"a \xff\xfe;"), r"<a><\xff\xfe>;");
    assert_eq!(lex(b"a \"\xff;\";"), r"<a>«\xff;»;");
}

#[test]
fn comments_start_where_a_word_could() {
    for (text, expected) in [
        ("# all of it", ""),
        ("#a;\nb;", "<b>;"),
        ("a;#b;\nc;", "<a>;<c>;"),
        ("a # b;\n c;", "<a><c>;"),
        ("a b#c;", "<a><b#c>;"),
        ("a {# x } \n}", "<a>{}"),
        ("# a # b\n# c\nd;", "<d>;"),
        ("a #\"'\n;", "<a>;"),
    ] {
        assert_eq!(lex(text), expected, "{text}");
    }
}

#[test]
fn quotes_make_one_word_of_anything() {
    for (text, expected) in [
        ("a \"b c;{}# d\";", "<a>«b c;{}# d»;"),
        ("a 'b \"c\" d';", "<a>«b \"c\" d»;"),
        ("a \"b 'c'\";", r"<a>«b \'c\'»;"),
        ("a \"\";", "<a>«»;"),
        ("a \"b\nc\";", r"<a>«b\nc»;"),
        ("\"a\" {", "«a»{"),
        ("a b\"c\"d;", "<a><b\"c\"d>;"),
        ("if ($a = \"b\") {", "<if><($a><=>«b»<)>{"),
        ("a \"b\"c;", "<a>! unexpected \"c\" :1"),
        ("a \"b\"#c;", "<a>! unexpected \"#\" :1"),
        ("a \"b\"'c';", "<a>! unexpected \"'\" :1"),
        ("a \"b\"}", "<a>! unexpected \"}\" :1"),
    ] {
        // A statement that fails gives no words.
        let expected = if expected.contains('!') { expected.trim_start_matches("<a>") } else { expected };
        let shown = lex(text).replace("\\\"", "\"");
        assert_eq!(shown, expected, "{text}");
    }
}

#[test]
fn backslashes_take_the_next_byte_into_the_word() {
    for (text, expected) in [
        (r"a b\ c;", r"<a><b\\ c>;"),
        (r"a b\;c;", r"<a><b\\;c>;"),
        (r"a b\{c;", r"<a><b\\{c>;"),
        (r"a \\;", r"<a><\\>;"),
        (r"a \t\r\n;", r"<a><\t\r\n>;"),
        (r"a \d\.\w;", r"<a><\\d\\.\\w>;"),
        (r#"a "b\\";"#, r"<a>«b\\»;"),
        (r#"a \";"#, r#"<a><\">;"#),
        (r#"a "b\"c";"#, r#"<a>«b\"c»;"#),
        (r"a 'b\'c';", r"<a>«b\'c»;"),
        (r"a '\$b';", r"<a>«\\$b»;"),
        (r"\include b;", r"<\\include><b>;"),
        (r"a \#b;", r"<a><\\#b>;"),
    ] {
        assert_eq!(lex(text), expected, "{text}");
    }
}

#[test]
fn a_brace_behind_a_dollar_belongs_to_the_word() {
    for (text, expected) in [
        ("a ${b};", "<a><${b}>;"),
        ("a x${b}y${c}z;", "<a><x${b}y${c}z>;"),
        ("${a} b;", "<${a}><b>;"),
        ("a $b{c;}", "<a><$b>{<c>;}"),
        ("a $ {", "<a><$>{"),
        ("a ${{b;", "<a><${{b>;"),
        ("a \\${b;}", "<a><\\\\$>{<b>;}"),
    ] {
        assert_eq!(lex(text), expected, "{text}");
    }
}

#[test]
fn what_cannot_stand_is_named_with_its_line() {
    for (text, expected) in [
        (";", "! unexpected \";\" :1"),
        ("\n{", "! unexpected \"{\" :2"),
        ("a;;", "<a>;! unexpected \";\" :1"),
        ("a }", "! unexpected \"}\" :1"),
        ("a", "! unexpected end of file, expecting \";\" or \"}\" :1"),
        ("a\n\nb\n", "! unexpected end of file, expecting \";\" or \"}\" :4"),
        ("a \"b", "! unexpected end of file, expecting \";\" or \"}\" :1"),
        ("a 'b\n", "! unexpected end of file, expecting \";\" or \"}\" :2"),
        ("\\", "! unexpected end of file, expecting \";\" or \"}\" :1"),
        ("a\\", "! unexpected end of file, expecting \";\" or \"}\" :1"),
        ("a \"b\\", "! unexpected end of file, expecting \";\" or \"}\" :1"),
        ("a \"b\"", "! unexpected end of file, expecting \";\" or \"}\" :1"),
    ] {
        assert_eq!(lex(text), expected, "{text}");
    }
    assert_eq!(show(Lexer::command_line(b"a")), "! unexpected end of parameter, expecting \";\" :1");
}

#[test]
fn a_word_that_never_ends_is_noticed() {
    let long = |n: usize| "a".repeat(n);
    assert!(lex(format!("x {};", long(4095))).ends_with("a>;"));
    assert_eq!(lex(format!("\nx {};", long(4096))), "! too long parameter \"aaaaaaaaaa...\" started :2");
    assert!(lex(format!("x \"{}\";", long(4095))).ends_with("a»;"));
    assert_eq!(
        lex(format!("x\n\"{}\";", "a\n".repeat(3000))),
        "! too long parameter, probably missing terminating \"\"\" character :2"
    );
    assert!(lex(format!("# {}\n x;", long(9000))).ends_with("<x>;"));
    assert!(show(Lexer::command_line(format!("x {};", long(9000)).as_bytes())).ends_with("a>;"));
}

/// Text of the kind that matters: the bytes the rules are about, and a few others.
fn odd_text() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(proptest::sample::select(&b"ab ;{}$\\\"'#\n\t)\xff"[..]), 0..80)
}

proptest! {
    #[test]
    fn no_text_makes_the_lexer_panic_or_stand_still(text in odd_text(), bytes in any::<Vec<u8>>()) {
        for text in [text, bytes] {
            let mut lexer = Lexer::file(&text);
            let most = text.len() + 1;
            let steps = (0..=most).take_while(|_| matches!(lexer.statement(), Ok(s) if s.end != End::Eof));
            prop_assert!(steps.count() < most);
        }
    }

    #[test]
    fn a_quoted_word_is_what_was_quoted(text in any::<Vec<u8>>()) {
        let mut written = b"a \"".to_vec();
        for byte in &text {
            if matches!(byte, b'"' | b'\\') { written.push(b'\\'); }
            written.push(*byte);
        }
        written.extend(b"\";");
        let read = Lexer::file(&written).statement().map(|s| s.words.into_iter().map(|w| w.text).nth(1));
        prop_assert_eq!(read, Ok(Some(text)));
    }
}
