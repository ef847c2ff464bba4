//! Redirects and cookies in the client's terms.

use super::Http1;
use crate::buf::Slice;
use crate::protocol::bench::{Asking, configure};
use crate::protocol::{Erased, Out};

fn module(directives: &str) -> (Box<dyn Erased>, Asking) {
    let configured = configure::<Http1>(directives).unwrap_or_else(|error| panic!("{error}"));
    let mut asking = Asking::get("/", &configured).variable("name", "local").variable("v", "sid");
    asking.target.url = Slice::from("http://peer/two/");
    asking.target.uri = Some(Slice::from("/two/"));
    asking.target.location = Slice::from("/one/");
    let module = configured.kind.create_request(&mut asking, &configured.location, &mut Out::new()).unwrap();
    (module, asking)
}

fn redirect(directives: &str, url: &str) -> String {
    let (module, mut asking) = module(directives);
    let rewritten = module.rewrite_redirect(&mut asking, &Slice::copy(url.as_bytes()));
    rewritten.map_or_else(|| format!("= {url}"), |url| url.to_string())
}

fn cookie(directives: &str, cookie: &str) -> String {
    let (module, mut asking) = module(directives);
    let rewritten = module.rewrite_cookie(&mut asking, &Slice::copy(cookie.as_bytes()));
    rewritten.map_or_else(|| format!("= {cookie}"), |cookie| cookie.to_string())
}

#[test]
fn a_redirect_into_the_peers_space_leads_into_the_locations() {
    assert_eq!(redirect("", "http://peer/two/x?y"), "/one/x?y");
    assert_eq!(redirect("", "http://peer/three/"), "= http://peer/three/");
    assert_eq!(redirect("proxy_redirect off;", "http://peer/two/x"), "= http://peer/two/x");
    assert_eq!(redirect("proxy_redirect /a /b; proxy_redirect default;", "http://peer/two/x"), "/one/x");
    assert_eq!(redirect("proxy_redirect /a /b;", "http://peer/two/x"), "= http://peer/two/x");
}

#[test]
fn the_default_rule_needs_no_uri_but_a_fixed_url() {
    let (module, mut asking) = module("");
    asking.target.url = Slice::from("http://peer");
    asking.target.uri = None;
    let rewritten = |asking: &mut Asking, url| module.rewrite_redirect(asking, &Slice::from(url));
    assert_eq!(rewritten(&mut asking, "http://peer/x"), Some(Slice::from("/x")));
    assert_eq!(rewritten(&mut asking, "http://peers/x"), None);
    asking.target.complete = true;
    assert_eq!(rewritten(&mut asking, "http://peer/x"), None);
}

#[test]
fn the_first_rule_that_fits_changes_a_redirect() {
    let rules = r"proxy_redirect http://a/ /$name/; proxy_redirect http://$name/ /named/;
                  proxy_redirect ~^(.+)/w_(?<rest>[^/]+) $1/$rest/end; proxy_redirect ~*re+x /caseless;";
    for (url, want) in [
        ("http://a/x", "/local/x"),
        ("http://local/x", "/named/x"),
        ("http://b/w_c/tail", "http://b/c/end"),
        ("http://b/ReeeX", "/caseless"),
        ("http://b/", "= http://b/"),
    ] {
        assert_eq!(redirect(rules, url), want);
    }
}

#[test]
fn domains_and_paths_of_cookies_are_rewritten() {
    let rules = r"proxy_cookie_domain www.a.org .b.com; proxy_cookie_domain .$name.com en.$name.org;
                  proxy_cookie_domain ~^(.+)\.com$ $1.net; proxy_cookie_path /p/ /new/;
                  proxy_cookie_path ~^/r/(.+)$ /$1; proxy_cookie_path ~*^/c/(.+)$ /$1;";
    for (text, want) in [
        ("v=path=domain=; Domain=www.A.org", "v=path=domain=; Domain=b.com"),
        ("v=1;domain=.Local.com;X", "v=1; domain=.en.local.org; X"),
        ("v=1; Domain=x.COM", "v=1; Domain=x.net"),
        ("v=1; Path=/p/x; Secure", "v=1; Path=/new/x; Secure"),
        ("v=1; Path=/r/x", "v=1; Path=/x"),
        ("v=1; Path=/C/x", "v=1; Path=/x"),
        ("v=1; Path=/C/x; Domain=www.a.org", "v=1; Path=/x; Domain=b.com"),
        ("v=1;Path=/other;  Secure", "= v=1;Path=/other;  Secure"),
        ("v=1;Domain=X.com;;Path=/p/", "v=1; Domain=X.net; ; Path=/new/"),
        ("", "= "),
    ] {
        assert_eq!(cookie(rules, text), want);
    }
    assert_eq!(cookie("proxy_cookie_domain ~z(.*) .$1;", "v; Domain=.zq"), "v; Domain=.q");
    assert_eq!(cookie("proxy_cookie_path off; proxy_cookie_domain off;", "v; Path=/p/"), "= v; Path=/p/");
}

#[test]
fn flags_of_cookies_are_set_and_taken_away() {
    let rules = "proxy_cookie_flags a secure httponly samesite=none; proxy_cookie_flags $v $f secure;
                 proxy_cookie_flags d nosecure nohttponly nosamesite; proxy_cookie_flags ~BAR httponly;";
    for (text, want) in [
        ("a=1; Domain=x", "a=1; Domain=x; Secure; HttpOnly; SameSite=None"),
        ("A=1;Secure;HttpOnly;SameSite=Lax", "A=1; Secure; HttpOnly; SameSite=None"),
        ("d=1; Path=/;secure;httponly;samesite=lax", "d=1; Path=/"),
        ("sid=1", "sid=1; Secure"),
        ("foobarbaz=1", "foobarbaz=1; HttpOnly"),
        ("b=1;samesite=none", "= b=1;samesite=none"),
    ] {
        assert_eq!(cookie(rules, text), want);
    }
}

#[test]
fn rules_that_cannot_be_meant_are_errors() {
    for (directives, message) in [
        ("proxy_redirect on;", "invalid parameter \"on\""),
        ("proxy_redirect off; proxy_redirect /a /b;", "is duplicate"),
        ("proxy_redirect /a /b; proxy_redirect off;", "is duplicate"),
        ("proxy_cookie_path on;", "invalid parameter \"on\""),
        ("proxy_cookie_domain off; proxy_cookie_domain a b;", "is duplicate"),
        ("proxy_cookie_flags a samesite=any;", "invalid parameter \"samesite=any\""),
        ("proxy_redirect ~( /a;", "missing closing parenthesis"),
    ] {
        let error = configure::<Http1>(directives).err().map(|error| error.to_string());
        assert!(error.as_ref().is_some_and(|error| error.contains(message)), "{directives}: {error:?}");
    }
}
