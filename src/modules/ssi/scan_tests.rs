//! The scanner finds the same whatever the pieces are.

use super::scan::{Command, Found, OPENING, Param, Scanner};

/// Everything that is found in `pieces`: text as it stands, commands as `{name param=value}`, errors in
/// brackets.
fn read(pieces: &[&[u8]]) -> String {
    let mut scanner = Scanner::new(16);
    let mut all = String::new();
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let step = scanner.scan(rest);
            all += std::str::from_utf8(&OPENING[..step.held]).unwrap();
            all += std::str::from_utf8(&rest[step.text.clone()]).unwrap();
            if let Some(error) = step.error {
                all += &format!("[{error}]");
            }
            match step.found {
                Found::End => {}
                Found::Broken => all += "!",
                Found::Command(Command { name, params }) => {
                    all += &format!("{{{}", String::from_utf8(name).unwrap());
                    for Param { name, value } in params {
                        let (name, value) = (String::from_utf8(name), String::from_utf8(value));
                        all += &format!(" {}={}", name.unwrap(), value.unwrap());
                    }
                    all += "}";
                }
            }
            rest = &rest[step.used..];
        }
    }
    all += std::str::from_utf8(&OPENING[..scanner.held()]).unwrap();
    all
}

#[test]
fn commands_are_found_with_their_parameters() {
    let rows = [
        ("a<!--#x -->b", "a{x}b"),
        ("<!--# \n x  a = \"1\" b='2\"'-->", "{x a=1 b=2\"}"),
        (r#"<!--#x a="1\"2" -->"#, r#"{x a=1\"2}"#),
        ("<!-- no --><!<!--<!--#x--><", "<!-- no --><!<!--{x}<"),
        (
            "<!--#x a=1 -->b",
            "[unexpected \"1\" symbol before value of \"a\" parameter in \"x\" SSI command]!b",
        ),
        ("<!--#x a-->b", "[unexpected \"-\" symbol after \"a\" parameter in \"x\" SSI command]!b"),
        ("<!--#x --->b-->c", "[unexpected \"-\" symbol in \"x\" SSI command]!c"),
        (
            "<!--#x a=\"12345678901234567\" -->c",
            "[too long \"12345678901234567...\" value of \"a\" parameter in \"x\" SSI command]!c",
        ),
    ];
    for (text, found) in rows {
        assert_eq!(read(&[text.as_bytes()]), found, "{text}");
    }
}

#[test]
fn any_cut_gives_the_same() {
    let text = b"<<!-<!--a<!--#set var=\"v\\\"\" x='' --><!--#bad=--><!---#<!--#echo var=\"x\"-->z<!--";
    let whole = read(&[text]);
    for first in 0..text.len() {
        for second in first..text.len() {
            let pieces = [&text[..first], &text[first..second], &text[second..]];
            assert_eq!(read(&pieces), whole, "{first} {second}");
        }
    }
    let bytes: Vec<&[u8]> = text.chunks(1).collect();
    assert_eq!(read(&bytes), whole);
}
