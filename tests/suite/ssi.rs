//! Pages with SSI commands, compared with what nginx makes of them.

use crate::kit::Server;

const ERROR: &str = "[an error occurred while processing the directive]";

/// A server with these pages and a few things to include.
fn server(pages: &[(&str, &str)]) -> Server {
    let mut setup = Server::locations(
        r#"root html; ssi on; default_type text/html;
           location /empty { return 200; } location /404 { return 404; } location /txt { return 200 "txt"; }
           location /nested { return 200 'N<!--#include virtual="/txt" -->N'; }
           location /silent { ssi_silent_errors on; } location /kept { ssi_last_modified on; }
           location /short { ssi_value_length 4; }
           location /loop { return 200 'l<!--#include virtual="/loop" -->'; }
           location /large/ { sendfile on; }"#,
    );
    for (name, text) in pages {
        setup = setup.file(&format!("html/{name}"), text);
    }
    setup.start()
}

#[test]
fn includes_stand_in_order_whether_waited_for_or_not() {
    let s = server(&[
        ("a.html", r#"X<!--#include virtual="/txt" -->Y<!--#include virtual="/nested" -->Z"#),
        (
            "w.html",
            r#"A<!--#include virtual="/txt" wait="yes" -->B<!--#include virtual="/nested" wait="no" -->C"#,
        ),
        ("f.html", r#"<!--#include file="inc.txt" --><!--#include virtual="dir/in.html?x=1" -->"#),
        ("inc.txt", "INC"),
        (
            "dir/in.html",
            r#"[<!--#echo var="arg_x" --><!--#include file="../x" --><!--#include virtual="/%74xt" -->]"#,
        ),
    ]);
    assert_eq!(s.get("/a.html").text(), "XtxtYNtxtNZ");
    assert_eq!(s.get("/w.html").text(), "AtxtBNtxtNC");
    assert_eq!(s.get("/f.html").text(), format!("INC[1{ERROR}txt]"));
    assert!(s.log().contains("unsafe URI \"/dir/../x\" was detected"));
}

#[test]
fn a_response_can_become_a_variable_unless_it_is_an_error() {
    let s = server(&[(
        "a.html",
        concat!(
            r#"<!--#include virtual="/nested" set="a" -->[<!--#echo var="a" -->"#,
            r#"]<!--#include virtual="/404" set="b" -->[<!--#echo var="b" -->]"#,
        ),
    )]);
    // commands of a response in memory cannot make subrequests of their own
    assert!(s.get("/a.html").text().ends_with("][]"));
    assert!(s.log().contains("nested in-memory subrequest \"/txt\""));
}

#[test]
fn variables_are_printed_as_the_page_wants() {
    let s = server(&[
        (
            "enc.html",
            concat!(
                r#"<!--#set var="a" value="<b>" --><!--#echo var="a" encoding="none" -->"#,
                r#",<!--#echo var="a" -->"#,
            ),
        ),
        (
            "esc.html",
            concat!(
                r#"X<!--#set var="u" value=" \"a$b\x\$ ${args}" -->"#,
                r#"<!--#echo var="u" encoding="url" -->|<!--#echo var="u" encoding="entity" -->X"#,
            ),
        ),
        (
            "conf.html",
            concat!(
                r#"<!--#config errmsg="E!" --><!--#foo --><!--#config timefmt="y%d" -->"#,
                r#"<!--#echo var="date_gmt" --><!--#echo var="none" default="d" -->"#,
                r#"|<!--#echo var="none" default="" -->|<!--#echo var="none" -->"#,
            ),
        ),
    ]);
    assert_eq!(s.get("/enc.html").text(), "<b>,<b>");
    assert_eq!(s.get("/esc.html").text(), "X%20%22a%5Cx$%20| &quot;a\\x$ X");
    let text = s.get("/conf.html").text();
    assert!(text.starts_with("E!y") && text.ends_with("d||(none)"), "{text}");
    assert_eq!(text.len(), 14);
}

#[test]
fn conditions_choose_a_branch() {
    let s = server(&[(
        "if.html",
        concat!(
            r#"<!--#if expr="$args = /^(?P<n>a+)(.)/" -->yes <!--#echo var="1" -->"#,
            r#"<!--#echo var="n" --><!--#echo var="2" --><!--#elif expr="$args != b" -->"#,
            r#"notb<!--#else -->b<!--#endif -->|<!--#if expr="$args" -->has<!--#if expr="1" -->"#,
            r#"in<!--#endif -->mid"#,
        ),
    )]);
    assert_eq!(s.get("/if.html?aaab").text(), format!("yes aaaaaab|has{ERROR}inmid"));
    assert_eq!(s.get("/if.html?b").text(), format!("b|has{ERROR}inmid"));
    assert_eq!(s.get("/if.html?c").text(), format!("notb|has{ERROR}inmid"));
    assert_eq!(s.get("/if.html").text(), "notb|mid");
}

#[test]
fn a_block_stands_in_for_what_fails_or_is_empty() {
    let s = server(&[(
        "stub.html",
        concat!(
            r#"X<!--#block name="b" -->blk<!--#echo var="args" -->"#,
            r#"(<!--#include virtual="/txt" -->)<!--#endblock -->"#,
            r#"[<!--#include virtual="/empty" stub="b" -->"#,
            r#"][<!--#include virtual="/404" stub="b" -->"#,
            r#"][<!--#include virtual="/txt" stub="b" -->]X"#,
        ),
    )]);
    let raw = r#"blk<!--#echo var="args" -->(<!--#include virtual="/txt" -->)"#;
    assert_eq!(s.get("/stub.html").text(), format!("X[{raw}][blk(none)(txt)][txt]X"));
}

#[test]
fn mistakes_are_told_and_do_not_stop_the_page() {
    let page = concat!(
        r#"X<!--#foo a="b" -->Y<!--#echo vr="x" -->Z<!--#echo -->W<!--#echo var=x -->"#,
        r#"V<!--#else -->U<!--#include virtual="/a" file="b" -->T"#,
    );
    let s = server(&[("err.html", page), ("silent", page), ("short", r#"a<!--#echo var="12345" -->b"#)]);
    let broken = ["X", "Y", "Z", "W", "V", "U", "T"];
    assert_eq!(s.get("/err.html").text(), broken.join(ERROR));
    assert_eq!(s.get("/silent").text(), broken.concat());
    assert_eq!(s.get("/short").text(), format!("a{ERROR}b"));
    for text in [
        "invalid SSI command: \"foo\"",
        "invalid parameter name: \"vr\" in \"echo\" SSI command",
        "mandatory \"var\" parameter is absent in \"echo\" SSI command",
        "unexpected \"x\" symbol before value of \"var\" parameter in \"echo\" SSI command",
        "invalid context of SSI command: \"else\"",
        "inclusion may be either virtual=\"/a\" or file=\"b\"",
        "too long \"12345...\" value of \"var\" parameter in \"echo\" SSI command",
    ] {
        assert!(s.log().contains(text), "{text}");
    }
}

#[test]
fn the_head_tells_no_length_and_no_time_of_a_page_that_changes() {
    let s = server(&[("a.html", "<!--#echo var='args'-->"), ("kept", "<!--#echo var='args'-->")]);
    let changed = s.get("/a.html?1");
    for name in ["Content-Length", "Last-Modified", "ETag", "Accept-Ranges"] {
        assert_eq!(changed.header(name), None, "{name}");
    }
    let kept = s.get("/kept?1");
    assert!(kept.header("Last-Modified").is_some());
    assert!(kept.header("ETag").is_some_and(|tag| tag.starts_with("W/")));
}

#[test]
fn a_page_that_includes_itself_ends_somewhere() {
    let s = server(&[]);
    let text = s.get("/loop").text();
    assert_eq!(text, format!("{}{ERROR}", "l".repeat(52)));
    assert!(s.log().contains("subrequests cycle while processing \"/loop\""));
}

#[test]
fn large_parts_come_whole_and_in_order() {
    let command = r#"<!--#include virtual="/large/b" -->"#;
    let page = format!("{}{command}{}{command}{command}", "a".repeat(100_000), "c".repeat(70_000));
    let s = server(&[("page.html", &page), ("large/b", &"b".repeat(300_000))]);
    let b = "b".repeat(300_000);
    let expected = format!("{}{b}{}{b}{b}", "a".repeat(100_000), "c".repeat(70_000));
    let mut c = s.connect();
    assert!(c.get("/page.html").text() == expected);
    assert!(c.get("/page.html").text() == expected);
}
