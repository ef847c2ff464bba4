//! Which file answers: try_files, index, alias, and what is remembered of files.

use crate::kit::Server;

#[test]
fn the_first_that_exists_answers() {
    let s = Server::locations(
        r"root html;
          location / { try_files $uri $uri/ /fallback?from=$uri; }
          location /fallback { return 200 $arg_from; }
          location /code { try_files /none =418; }
          location /named { try_files /none @named; }
          location @named { return 200 named:$uri; }
          location /dir { try_files /sub/ =404; }
          location /nodir { try_files /sub =404; }
          location /notfile { try_files /a.txt/ =404; }",
    )
    .file("html/a.txt", "a")
    .file("html/sub/index.html", "index of sub")
    .start();
    let mut c = s.connect();
    assert_eq!(c.get("/a.txt").text(), "a");
    assert_eq!(c.get("/sub/").text(), "index of sub");
    assert_eq!(c.get("/none").text(), "/none");
    assert_eq!(c.get("/code").status, 418);
    assert_eq!(c.get("/named/x").text(), "named:/named/x");
    assert_eq!(c.get("/dir").status, 301);
    assert_eq!(c.get("/nodir").status, 404);
    assert_eq!(c.get("/notfile").status, 404);
}

#[test]
fn an_alias_is_taken_into_account() {
    let s = Server::locations(
        r"location /al/ { alias %%DIR%%/html/; try_files $uri =404; }
          location ~ ^/re/(.*)$ { alias %%DIR%%/html/$1; }
          location ~ \.html$ { alias %%DIR%%/html; try_files $uri =404; }
          location /outer/ { alias %%DIR%%/html/; location ~ txt$ { try_files $uri =404; } }",
    )
    .file("html/a.txt", "a")
    .file("html/b.html", "b")
    .start();
    let mut c = s.connect();
    assert_eq!(c.get("/al/a.txt").text(), "a");
    assert_eq!(c.get("/re/a.txt").text(), "a");
    assert_eq!(c.get("/b.html").text(), "b");
    assert_eq!(c.get("/outer/a.txt").text(), "a");
    assert_eq!(c.get("/al/none").status, 404);
}

#[test]
fn an_index_may_be_a_variable_or_another_path() {
    let s = Server::locations(
        r"root html; index none.html $server_name.html /last;
          server_name first; location = /last { return 200 last; }
          location /loop/ { index /loop/; }",
    )
    .file("html/a/first.html", "variable")
    .file("html/b/x", "")
    .start();
    let mut c = s.connect();
    assert_eq!(c.get("/a/").text(), "variable");
    assert_eq!(c.get("/b/").text(), "last");
    assert_eq!(s.get("/loop/").status, 500);
    s.wait_for_log("rewrite or internal redirection cycle while internally redirecting to \"/loop/\"");
    assert_eq!(c.get("/none/").status, 404);
    s.wait_for_log("html/none/none.html\" is not found (2: No such file or directory)");
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    for (conf, text) in [
        ("try_files a =x;", "invalid code \"=x\""),
        ("try_files a =1000;", "invalid code \"=1000\""),
        ("try_files a;", "invalid number of arguments in \"try_files\" directive"),
        ("try_files a b; try_files a b;", "\"try_files\" directive is duplicate"),
        ("index \"\";", "index \"\" in \"index\" directive is invalid"),
        ("open_file_cache inactive=1m;", "\"open_file_cache\" must have the \"max\" parameter"),
        ("open_file_cache max=0;", "invalid \"open_file_cache\" parameter \"max=0\""),
    ] {
        let refusal = Server::locations(conf).refusal();
        assert!(refusal.contains(text), "{refusal}");
    }
}

#[test]
fn a_remembered_file_stays_what_it_was() {
    let s = Server::locations(
        "root html; open_file_cache max=2; open_file_cache_valid 1h; open_file_cache_errors on;",
    )
    .file("html/a", "old")
    .file("html/b", "b")
    .file("html/c", "c")
    .start();
    let mut c = s.connect();
    assert_eq!(c.get("/a").text(), "old");
    assert_eq!(c.get("/late").status, 404);
    std::fs::remove_file(s.dir().join("html/a")).unwrap();
    s.write_file("html/a", "new");
    s.write_file("html/late", "late");
    assert_eq!((c.get("/a").text().as_str(), c.get("/late").status), ("old", 404));
    // Two others push both out.
    assert_eq!((c.get("/b").text() + &c.get("/c").text()).as_str(), "bc");
    assert_eq!((c.get("/a").text() + &c.get("/late").text()).as_str(), "newlate");
}

#[test]
fn symbolic_links_can_be_refused() {
    let s = Server::locations(
        r"location /on/ { alias %%DIR%%/html/; disable_symlinks on; }
          location /own/ { alias %%DIR%%/html/; disable_symlinks if_not_owner; }
          location /from/ { alias %%DIR%%/html/linked/; disable_symlinks on from=%%DIR%%/html/linked; }
          location /off/ { alias %%DIR%%/html/; disable_symlinks off; }",
    )
    .file("html/real/a.txt", "a")
    .start();
    let html = s.dir().join("html");
    std::os::unix::fs::symlink("real", html.join("linked")).unwrap();
    std::os::unix::fs::symlink("real/a.txt", html.join("link.txt")).unwrap();
    std::os::unix::fs::symlink("a.txt", html.join("real/b.txt")).unwrap();
    for (uri, status) in [
        ("/on/real/a.txt", 200),
        ("/on/link.txt", 403),
        ("/on/linked/a.txt", 404),
        ("/on/linked", 403),
        ("/on/real", 301),
        ("/on/none", 404),
        ("/own/linked/a.txt", 200),
        ("/from/a.txt", 200),
        ("/from/b.txt", 403),
        ("/off/linked/b.txt", 200),
    ] {
        assert_eq!(s.get(uri).status, status, "{uri}");
    }
    s.wait_for_log("link.txt\" failed (40: Too many levels of symbolic links)");
    s.wait_for_log("linked/a.txt\" failed (20: Not a directory)");
    let refusal = Server::locations("disable_symlinks from=/x;").refusal();
    assert!(refusal.contains("\"disable_symlinks\" must have \"off\", \"on\" or \"if_not_owner\" parameter"));
}
