//! Redis: commands, greetings, and replies of every type in every format, cut everywhere.

use super::Redis;
use crate::buf::Slice;
use crate::protocol::bench::{Asking, End, Heard, configure, every_cut, greet, hear, say};
use crate::protocol::{Fault, Out};
use proptest::prelude::*;

fn heard(directives: &str, reply: &[u8]) -> Heard {
    let configured = configure::<Redis>(directives).unwrap();
    let asking = Asking::get("/", &configured).variable("redis_key", "k");
    every_cut(&configured, &asking, reply).unwrap_or_else(|error| panic!("{}: {error}", reply.escape_ascii()))
}

fn body(directives: &str, reply: &str) -> String {
    let heard = heard(directives, reply.as_bytes());
    assert_eq!((heard.end, heard.head.status, heard.reusable), (End::Framed, 200, true), "{reply}");
    assert!(heard.head.content_length.is_none_or(|length| length == heard.body.len() as u64));
    String::from_utf8(heard.body).unwrap()
}

#[test]
fn a_word_stays_one_word_whatever_is_in_it() {
    let said = |directives: &str| {
        let configured = configure::<Redis>(directives).unwrap();
        let asking = Asking::get("/", &configured).variable("redis_key", "a\r\nDEL b").variable("v", "");
        say(&configured, &mut { asking }).map(|(bytes, _)| bytes.escape_ascii().to_string())
    };
    assert_eq!(said("").unwrap(), r"*2\r\n$3\r\nGET\r\n$8\r\na\r\nDEL b\r\n");
    let hash = said("redis_query hset h:$redis_key f $v;").unwrap();
    assert_eq!(hash, r"*4\r\n$4\r\nhset\r\n$10\r\nh:a\r\nDEL b\r\n$1\r\nf\r\n$0\r\n\r\n");
    assert_eq!(said("redis_query $unset x;").unwrap(), r"*2\r\n$0\r\n\r\n$1\r\nx\r\n");
}

#[test]
fn what_the_next_request_would_feel_is_refused() {
    for command in ["SELECT 1", "multi", "Subscribe x", "AUTH y", "client reply off"] {
        assert!(configure::<Redis>(&format!("redis_query {command};")).is_err(), "{command}");
    }
    let configured = configure::<Redis>("redis_query $c;").unwrap();
    let mut asking = Asking::get("/", &configured).variable("c", "monitor");
    assert_eq!(say(&configured, &mut asking).err(), Some(Fault::Refuse(403)));
    let configured = configure::<Redis>("").unwrap();
    assert!(matches!(say(&configured, &mut Asking::get("/", &configured)), Err(Fault::Internal(_))));
    let mut post = Asking { method: Slice::from("POST"), ..Asking::get("/", &configured) };
    assert_eq!(say(&configured, &mut post).err(), Some(Fault::Refuse(405)));
}

#[test]
fn replies_of_every_type_have_three_forms() {
    let (text, json, raw) = ("redis_format text;", "redis_format json;", "redis_format raw;");
    for (reply, as_text, as_json) in [
        ("$5\r\nhello\r\n", "hello", r#""hello""#),
        ("$0\r\n\r\n", "", r#""""#),
        ("$4\r\n\r\n\"\n\r\n", "\r\n\"\n", r#""\r\n\"\n""#),
        ("+OK\r\n", "OK", r#""OK""#),
        (":-12\r\n", "-12", "-12"),
        (
            "(123456789012345678901234567890\r\n",
            "123456789012345678901234567890",
            "123456789012345678901234567890",
        ),
        (",1.50\r\n", "1.50", "1.50"),
        (",inf\r\n", "inf", "null"),
        ("#t\r\n", "true", "true"),
        ("=7\r\ntxt:a\nb\r\n", "a\nb", r#""a\nb""#),
        ("*0\r\n", "", "[]"),
        ("*3\r\n$1\r\na\r\n:7\r\n$-1\r\n", "a\n7\n\n", r#"["a",7,null]"#),
        ("*2\r\n*2\r\n+a\r\n*0\r\n-ERR x\r\n", "a\nERR x\n", r#"[["a",[]],{"error":"ERR x"}]"#),
        ("%2\r\n+a\r\n%0\r\n:1\r\n~1\r\n_\r\n", "a\n1\n\n", r#"{"a":{},"1":[null]}"#),
        ("%1\r\n$1\r\nk\r\n$1\r\nv\r\n", "k\nv\n", r#"{"k":"v"}"#),
        ("%2\r\n#t\r\n#f\r\n_\r\n,1\r\n", "true\nfalse\n\n1\n", r#"{"true":false,"":1}"#),
    ] {
        assert_eq!(body(text, reply), as_text, "{reply}");
        assert_eq!(body(json, reply), as_json, "{reply}");
        assert!(serde_json::from_str::<serde_json::Value>(as_json).is_ok());
        assert_eq!(body(raw, reply), reply);
    }
    assert_eq!(heard(json, b":1\r\n").head.get("content-type").unwrap(), &b"application/json"[..]);
}

#[test]
fn nothing_is_not_found_and_an_error_is_the_peers() {
    for reply in ["$-1\r\n", "*-1\r\n", "_\r\n"] {
        let heard = heard("", reply.as_bytes());
        assert_eq!((heard.end, heard.head.status, heard.reusable), (End::Framed, 404, true));
    }
    let heard = heard("", b"-WRONGTYPE no list\r\n");
    assert_eq!(heard.end, End::Fault(Fault::Invalid("an error")));
    assert_eq!(heard.head.detail, b"WRONGTYPE no list");
}

#[test]
fn what_is_no_reply_is_refused() {
    for (reply, why) in [
        ("hello\r\n", "an unknown type of reply"),
        ("\r\n", "an empty line"),
        ("$x\r\n", "an invalid length"),
        ("*1\r\n$1\r\nabc", "no line end behind a string"),
        (">1\r\n+x\r\n", "an unknown type of reply"),
        ("%1\r\n*0\r\n+x\r\n", "a reply that is nested too deeply"),
    ] {
        let heard = heard("redis_format json;", reply.as_bytes());
        assert_eq!(heard.end, End::Fault(Fault::Invalid(why)), "{reply}");
    }
    assert!(matches!(heard("", &b"*1\r\n".repeat(40)).end, End::Fault(_)));
    assert_eq!(heard("", b"$5\r\nhel").end, End::Cut);
    assert!(!heard("", b"$1\r\naXX").reusable);
}

#[test]
fn a_connection_is_greeted_with_what_the_location_wants() {
    let greeted = |directives: &str, pieces: &[&[u8]]| {
        let configured = configure::<Redis>(directives).unwrap();
        let mut asking = Asking::get("/", &configured).variable("redis_key", "k");
        let module = configured.kind.create_request(&mut asking, &configured.location, &mut Out::new());
        let mut module = module.unwrap();
        (
            module.session(),
            greet(&mut *module, pieces).map(|(bytes, done)| (bytes.escape_ascii().to_string(), done)),
        )
    };
    let (plain, said) = greeted("", &[]);
    assert_eq!(said, Ok((String::new(), true)));
    let all = "redis_auth me secret; redis_db 3; redis_protocol 3;";
    let words = [
        r"*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$6\r\nsecret\r\n",
        r"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n",
        r"*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n",
    ]
    .concat();
    let replies = b"+OK\r\n%1\r\n$1\r\nv\r\n:7\r\n+OK\r\n";
    for cut in 0..replies.len() {
        let (front, back) = replies.split_at(cut);
        assert_eq!(greeted(all, &[front]).1, Ok((words.clone(), false)), "{cut}");
        let (session, said) = greeted(all, &[front, back]);
        assert_eq!((said, session == plain), (Ok((words.clone(), true)), false), "{cut}");
    }
    // What is behind the error makes no difference, not even if it comes with it.
    for replies in ["-WRONGPASS\r\n", "-WRONGPASS\r\n\r\n", "+OK\r\n-NOAUTH\r\n-ERR\r\n"] {
        let refused = greeted(all, &[replies.as_bytes()]).1;
        assert_eq!(refused, Err(Fault::Invalid("an error to the greeting")));
    }
}

proptest! {
    #[test]
    fn no_reply_makes_it_panic(
        reply in r"([-+:$*%~=!,#_(>][-0-9txa-c:]{0,3}\r\n|[a-z\r\n\x00-\xff]{0,4}){0,12}",
        format in prop_oneof![Just("raw"), Just("text"), Just("json")],
        cut in 0usize..64,
    ) {
        let configured = configure::<Redis>(&format!("redis_format {format};")).unwrap();
        let mut asking = Asking::get("/", &configured).variable("redis_key", "k");
        let module = configured.kind.create_request(&mut asking, &configured.location, &mut Out::new());
        let bytes = reply.as_bytes();
        let (front, back) = bytes.split_at(cut.min(bytes.len()));
        let heard = hear(&mut *module.unwrap(), &[front, back], 16);
        if heard.reusable && format == "json" && heard.head.status == 200 {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&heard.body).is_ok());
        }
    }
}
