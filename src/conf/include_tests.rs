//! Trees and includes: what is spliced where, and where errors are said to be.

use super::*;
use proptest::prelude::*;
use std::fs;

/// Writes files into a fresh directory; names with `/` get their directories.
fn files(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(path, text).expect("a file");
    }
    dir
}

fn read(dir: &tempfile::TempDir) -> (Tree, Vec<SourceFile>) {
    let mut reader = Reader::new(dir.path());
    let tree = reader.main_file(&dir.path().join("nginx.conf"));
    (tree, reader.into_files())
}

/// Lines in their shortest form, then the error with the directory taken out.
fn show(dir: &tempfile::TempDir) -> String {
    let (tree, _) = read(dir);
    let fault = tree.fault().map(|e| format!(" ! {e}")).unwrap_or_default();
    (lines(&tree.lines) + &fault).replace(&format!("{}/", dir.path().display()), "")
}

fn lines(of: &[Line]) -> String {
    let words = |line: &Line| -> String {
        let args: String = line.args.iter().map(|arg| format!(" {arg}")).collect();
        let block = line.block.as_ref().map_or(";".to_owned(), |block| format!("{{{}}}", lines(block)));
        format!("{}{args}{block}", line.name)
    };
    of.iter().map(words).collect()
}

fn one(text: &str) -> String {
    show(&files(&[("nginx.conf", text)]))
}

#[test]
fn blocks_nest_and_know_where_they_start_and_end() {
    let dir = files(&[("nginx.conf", "a 1;\nb {\n  c {\n d; }\n}\n")]);
    assert_eq!(show(&dir), "a 1;b{c{d;}}");
    let (tree, _) = read(&dir);
    let b = &tree.lines[1];
    assert_eq!((b.at.line, b.end.line, b.children()[0].end.line), (2, 5, 4));
    let expected = format!("x in {}/nginx.conf:5", dir.path().display());
    assert_eq!(b.err_at_end("x").to_string(), expected);
}

#[test]
fn what_was_read_before_an_error_is_kept() {
    for (text, expected) in [
        ("a; b { c;", "a;b{c;} ! unexpected end of file, expecting \"}\" in nginx.conf:1"),
        ("a; b { c {\nd", "a;b{c{}} ! unexpected end of file, expecting \";\" or \"}\" in nginx.conf:2"),
        ("a;\n}", "a; ! unexpected \"}\" in nginx.conf:2"),
        ("a {};", "a{} ! unexpected \";\" in nginx.conf:1"),
        ("a \"b\"c;", " ! unexpected \"c\" in nginx.conf:1"),
        ("include a b;", " ! invalid number of arguments in \"include\" directive in nginx.conf:1"),
        ("include {", " ! directive \"include\" is not terminated by \";\" in nginx.conf:1"),
    ] {
        assert_eq!(one(text), expected, "{text}");
    }
}

#[test]
fn an_included_file_stands_where_its_include_stood() {
    let dir = files(&[
        ("nginx.conf", "a; map { include sub/types; x y; } z;"),
        ("sub/types", "t1 v1;\ninclude sub/more;\n"),
        ("sub/more", "t2 v2;"),
    ]);
    assert_eq!(show(&dir), "a;map{t1 v1;t2 v2;x y;}z;");
    let (tree, files) = read(&dir);
    let place = tree.lines[1].children()[1].at.to_string();
    assert!(place.ends_with("/sub/more:1"), "{place}");
    let names: Vec<_> = files.iter().map(|file| file.name.rsplit('/').next().unwrap_or_default()).collect();
    assert_eq!(names, ["nginx.conf", "types", "more"]);
}

#[test]
fn patterns_take_files_in_order_and_leave_hidden_ones() {
    let dir = files(&[
        ("nginx.conf", "include d/*.conf; include d/[ab].c?nf; include none/*; include [x; z;"),
        ("d/b.conf", "b;"),
        ("d/a.conf", "a;"),
        ("d/.hidden.conf", "hidden;"),
        ("d/deep/c.conf", "deep;"),
    ]);
    assert_eq!(show(&dir), "a;b;a;b;z;");
    fs::write(dir.path().join("nginx.conf"), "include **/c.conf; include d/**/c.conf;").expect("a file");
    assert_eq!(show(&dir), "deep;");
}

#[test]
fn a_missing_file_is_an_error_at_the_include() {
    assert_eq!(
        one("a;\ninclude none.conf;\nb;"),
        "a; ! open() \"none.conf\" failed (2: No such file or directory) in nginx.conf:2"
    );
    let dir = files(&[("nginx.conf", "include d;"), ("d/x", "")]);
    assert_eq!(show(&dir), " ! pread() \"d\" failed (21: Is a directory) in nginx.conf:1");
    fs::remove_file(dir.path().join("nginx.conf")).expect("removed");
    assert_eq!(show(&dir), " ! open() \"nginx.conf\" failed (2: No such file or directory)");
}

#[test]
fn an_error_in_an_included_file_ends_the_reading() {
    let dir = files(&[("nginx.conf", "a { include sub; b; } c;"), ("sub", "d;\n}")]);
    assert_eq!(show(&dir), "a{d;} ! unexpected \"}\" in sub:2");
    let dir = files(&[("nginx.conf", "a { include sub; b; } c;"), ("sub", "d {")]);
    assert_eq!(show(&dir), "a{d{}} ! unexpected end of file, expecting \"}\" in sub:1");
}

#[test]
fn a_file_that_includes_itself_is_refused() {
    let shown = one("a;include nginx.conf;b;");
    assert!(shown.starts_with("a;a;"), "{shown}");
    let end = "! includes are nested too deep, more than 20 levels: \
               \"nginx.conf\" may include itself in nginx.conf:1";
    assert!(shown.ends_with(end), "{shown}");
}

#[test]
fn blocks_nested_without_end_are_refused() {
    assert!(one(&"a{".repeat(100_000)).contains("! blocks are nested too deep, more than 100 levels in"));
}

#[test]
fn the_command_line_has_no_blocks() {
    let read = |text: &str| {
        let tree = Reader::new("/").command_line(text.as_bytes());
        lines(&tree.lines) + &tree.fault().map(|e| format!(" ! {e}")).unwrap_or_default()
    };
    assert_eq!(read("daemon off; user a b;"), "daemon off;user a b;");
    assert_eq!(read("daemon off"), " ! unexpected end of parameter, expecting \";\" in command line");
    assert_eq!(read("events {}"), " ! block directives are not supported in -g option in command line");
    assert_eq!(read("a; }"), "a; ! unexpected \"}\" in command line");
}

fn odd_text() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(proptest::sample::select(&b"ab ;{}$\\\"'#\n"[..]), 0..200)
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in odd_text()) {
        let mut reader = Reader::new("/nonexistent");
        let part = reader.lines(&mut Source { lexer: Lexer::file(&text), file: Some("x".into()) }, false);
        prop_assert_eq!(reader.blocks, 0);
        drop(part);
    }
}
