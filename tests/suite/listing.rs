//! Folders that show what is in them, and links that only the server can have made.

use crate::kit::Server;

#[test]
fn a_folder_is_shown_in_four_formats() {
    let s = Server::locations(
        "autoindex on; root html;
         location /json/ { alias html/d/; autoindex_format json; }
         location /jsonp/ { alias html/d/; autoindex_format jsonp; }
         location /xml/ { alias html/d/; autoindex_format xml; }
         location /round/ { alias html/d/; autoindex_exact_size off; autoindex_localtime on; }
         location /off/ { alias html/d/; autoindex off; }
         location /none/ { }",
    )
    .file("html/d/b.txt", vec![b'x'; 20_000])
    .file("html/d/a folder/x", "")
    .file("html/d/<&>", "1")
    .file("html/d/.hidden", "")
    .file("html/d/a-name-of-fifty-one-letters-is-cut-after-47-of-them", "")
    .start();
    let page = s.get("/d/");
    assert_eq!((page.status, page.header("Content-Type")), (200, Some("text/html")));
    let text = page.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.get(3), Some(&"<h1>Index of /d/</h1><hr><pre><a href=\"../\">../</a>"));
    let starts = [
        "<a href=\"a%20folder/\">a folder/</a>                                          ",
        "<a href=\"%3C%26%3E\">&lt;&amp;&gt;</a>                                                ",
        "<a href=\"a-name-of-fifty-one-letters-is-cut-after-47-of-them\">\
         a-name-of-fifty-one-letters-is-cut-after-47-of-..&gt;</a> ",
        "<a href=\"b.txt\">b.txt</a>                                              ",
    ];
    for (line, start) in lines.iter().skip(4).zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
    assert!(lines.get(4).is_some_and(|line| line.ends_with("                  -")));
    assert!(lines.get(7).is_some_and(|line| line.ends_with("              20000")));
    assert!(s.get("/round/").text().contains("     20K\r\n"));
    let json = s.get("/json/").text();
    assert!(json.starts_with("[\r\n{ \"name\":\"a folder\", \"type\":\"directory\", \"mtime\":\""), "{json}");
    assert!(json.ends_with(" GMT\", \"size\":20000 }\r\n]"), "{json}");
    let called = s.get("/jsonp/?callback=a.b_0").text();
    assert!(called.starts_with("/* callback */\r\na.b_0([\r\n{") && called.ends_with("\r\n]);"), "{called}");
    assert_eq!(s.get("/jsonp/?callback=a(").status, 400);
    let xml = s.get("/xml/");
    assert_eq!(xml.header("Content-Type"), Some("text/xml; charset=utf-8"));
    assert!(xml.text().contains(" size=\"1\">&lt;&amp;&gt;</file>\r\n"), "{}", xml.text());
    assert_eq!((s.get("/off/").status, s.get("/none/").status), (403, 404));
    s.wait_for_log("client sent invalid callback name: \"a(\"");
    s.wait_for_log("(2: No such file or directory)");
}

#[test]
fn a_link_is_good_until_it_ends() {
    let s = Server::locations(
        r#"location /new { secure_link $arg_md5,$arg_expires; secure_link_md5 "$uri $arg_expires secret";
                           return 200 "[$secure_link] $secure_link_expires"; }
           location /open { secure_link $arg_md5; secure_link_md5 "$uri secret";
                            return 200 "[$secure_link]"; }
           location /old/ { secure_link_secret word; return 200 "[$secure_link]"; }"#,
    )
    .start();
    for (uri, expected) in [
        ("/new?md5=JYrxSC_RaKC8RYU0lN32aQ&expires=4000000000", "[1] 4000000000"),
        ("/new?md5=g2nOG0JoCFlJiRKaJgbKyw==&expires=1000000000", "[0] 1000000000"),
        ("/new?md5=g2nOG0JoCFlJiRKaJgbKyw==&expires=1000000001", "[] 1000000001"),
        ("/new?md5=g2nOG0JoCFlJiRKaJgbKyw", "[] "),
        ("/new", "[] "),
        ("/open?md5=HASH", "[]"),
        ("/old/21c98026455b3a30aa887c9a0a20272b/a/file", "[a/file]"),
        ("/old/21C98026455B3A30AA887C9A0A20272B/a/file", "[a/file]"),
        ("/old/21c98026455b3a30aa887c9a0a20272b/a/fil", "[]"),
        ("/old/short/a", "[]"),
    ] {
        assert_eq!(s.get(uri).text(), expected, "{uri}");
    }
}

#[test]
fn the_two_ways_of_secure_links_do_not_mix() {
    let said = Server::locations("location / { secure_link $uri; secure_link_secret x; }").refusal();
    let expected = "\"secure_link_secret\" cannot be mixed with \"secure_link\" and \"secure_link_md5\"";
    assert!(said.contains(expected), "{said}");
}
