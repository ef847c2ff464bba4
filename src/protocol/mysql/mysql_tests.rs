//! MySQL: logins, queries, and result sets cut everywhere.

use super::{MySql, conf};
use crate::buf::Slice;
use crate::protocol::bench::{Asking, End, Heard, configure, every_cut, greet, hear, say};
use crate::protocol::{Fault, Out};
use proptest::prelude::*;

/// Packets with these contents.
fn packets(first: u8, contents: &[&[u8]]) -> Vec<u8> {
    let framed = contents.iter().zip(first..).map(|(content, n)| {
        let [low, middle, high, _] = (content.len() as u32).to_le_bytes();
        [&[low, middle, high, n], *content].concat()
    });
    framed.collect::<Vec<_>>().concat()
}

fn string(text: &[u8]) -> Vec<u8> {
    [&[text.len() as u8], text].concat()
}

fn column(name: &str, kind: u8) -> Vec<u8> {
    let names = [b"def", &b"db"[..], b"t", b"t", name.as_bytes(), name.as_bytes()];
    let mut bytes: Vec<u8> = names.iter().flat_map(|name| string(name)).collect();
    bytes.extend_from_slice(&[0x0c, 45, 0, 0, 1, 0, 0, kind, 0, 0, 0, 0, 0]);
    bytes
}

const EOF: &[u8] = &[0xfe, 0, 0, 2, 0];

fn set(rows: &[&[u8]]) -> Vec<u8> {
    let (id, name) = (column("id", 3), column("a\"b", 253));
    let mut contents: Vec<&[u8]> = vec![&[2], &id, &name, EOF];
    contents.extend_from_slice(rows);
    contents.push(EOF);
    packets(1, &contents)
}

fn heard(directives: &str, reply: &[u8]) -> Heard {
    let configured = configure::<MySql>(&format!("mysql_query 'SELECT 1'; {directives}")).unwrap();
    let asking = Asking::get("/", &configured);
    every_cut(&configured, &asking, reply).unwrap_or_else(|error| panic!("{}: {error}", reply.escape_ascii()))
}

fn said(query: &str, value: &str) -> Result<String, Fault> {
    let configured = configure::<MySql>(&format!("mysql_query \"{query}\";")).unwrap();
    let (bytes, _) = say(&configured, &mut Asking::get("/", &configured).variable("v", value))?;
    assert_eq!(usize::from(bytes[0]), bytes.len() - 4);
    assert_eq!((&bytes[1..4], bytes[4]), (&[0, 0, 0][..], 3));
    Ok(String::from_utf8(bytes[5..].to_vec()).unwrap())
}

#[test]
fn a_value_is_a_string_whatever_it_holds() {
    let query = "SELECT 'it''s', `x` FROM t WHERE a=$v AND b=$v";
    assert_eq!(said(query, "1").unwrap(), "SELECT 'it''s', `x` FROM t WHERE a='1' AND b='1'");
    let evil = said("SELECT $v", r"' OR 1=1 -- \").unwrap();
    assert_eq!(evil, r"SELECT ''' OR 1=1 -- \\'");
    assert_eq!(said("SELECT $v", "").unwrap(), "SELECT ''");
    assert_eq!(said("SELECT 1", "x").unwrap(), "SELECT 1");
    let configured = configure::<MySql>("mysql_query 'SELECT $v';").unwrap();
    let mut asking = Asking::get("/", &configured);
    asking.variables.insert(b"v".to_vec(), Slice::from_static(b"\xbf'"));
    assert_eq!(say(&configured, &mut asking), Err(Fault::Refuse(400)));
}

#[test]
fn a_query_that_could_not_be_safe_is_refused() {
    for query in [
        "SELECT '$v'",
        "SELECT `$v`",
        r#"SELECT 'a\\'$v'"#,
        "SELECT 1 -- $v",
        "SELECT 1 /* $v */",
        "SELECT 1 /*/ $v",
        "SELECT 1 # $v",
        "SELECT 5--'\n$v'",
        "SELECT /*! ' */ $v, ' */",
        "$v",
        "SET a = $v",
        " use x",
        "begin",
        "",
    ] {
        assert!(configure::<MySql>(&format!("mysql_query \"{query}\";")).is_err(), "{query}");
    }
    for query in [
        r"SELECT '\\\\', $v",
        "SELECT 'a' -- b\n, $v",
        "SELECT /* a */ $v",
        "SELECT 5-$v",
        "SELECT 5--$v",
        "SELECT /*! 1 */ 2",
        "select \\\"a\\\", $v",
    ] {
        let configured = configure::<MySql>(&format!("mysql_query \"{query}\";"));
        assert!(configured.is_ok(), "{query}: {:?}", configured.err());
    }
}

#[test]
fn rows_come_as_json_or_csv() {
    let rows: [&[u8]; 4] =
        [b"\x011\x04x\"\n\xff", b"\xfb\xfb", b"\x03007\xfc\x02\x00\xc3\xa9", b"\x02-5\x00"];
    let heard_json = heard("", &set(&rows));
    let text = String::from_utf8(heard_json.body).unwrap();
    let want = "[{\"id\":1,\"a\\\"b\":\"x\\\"\\n\u{fffd}\"},\n{\"id\":null,\"a\\\"b\":null},\n\
                {\"id\":\"007\",\"a\\\"b\":\"\u{e9}\"},\n{\"id\":-5,\"a\\\"b\":\"\"}]\n";
    assert_eq!((text.as_str(), heard_json.end, heard_json.reusable), (want, End::Framed, true));
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    assert_eq!(heard_json.head.get("content-type").unwrap(), &b"application/json"[..]);
    let heard = heard("mysql_format csv;", &set(&rows[1..]));
    assert_eq!(
        String::from_utf8(heard.body).unwrap(),
        "\"id\",\"a\"\"b\"\r\n,\r\n007,\"\u{e9}\"\r\n-5,\"\"\r\n"
    );
    assert_eq!(heard.head.get("content-type").unwrap(), &b"text/csv"[..]);
}

#[test]
fn no_rows_are_an_empty_list_and_a_change_is_told() {
    assert_eq!(heard("", &set(&[])).body, b"[]\n");
    let ok = packets(1, &[b"\x00\x03\xfc\x00\x01\x02\0\0\0"]);
    let heard = heard("", &ok);
    assert_eq!((heard.end, heard.reusable), (End::Framed, true));
    assert_eq!(heard.body, br#"{"affected_rows":3,"insert_id":256}"#);
}

#[test]
fn errors_have_a_status_or_are_the_servers() {
    let refused = |code: u16| {
        let [low, high] = code.to_le_bytes();
        heard("", &packets(1, &[&[&[0xff, low, high], &b"#23000no way"[..]].concat()]))
    };
    for (code, status) in [(1062, 409), (1048, 400), (1142, 403), (1213, 503)] {
        let heard = refused(code);
        assert_eq!((heard.end, heard.head.status, heard.reusable), (End::Framed, status, true), "{code}");
        assert_eq!(heard.notes[0].to_string(), format!("upstream sent an error: \"{code} (23000): no way\""));
    }
    let heard = refused(1064);
    assert_eq!(heard.end, End::Fault(Fault::Invalid("an error")));
    assert_eq!(heard.head.detail, b"1064 (23000): no way");
}

#[test]
fn what_is_no_answer_is_refused() {
    let broken = set(&[b"\x011"]);
    for (reply, why) in [
        (packets(1, &[&[0xfb, b'f']]), "a request for a file"),
        (packets(1, &[b""]), "a broken number of columns"),
        (packets(1, &[&[0xfc, 0xff, 0xff]]), "a broken number of columns"),
        (packets(1, &[b"\x01", b"\x03def"]), "a broken definition of a column"),
        (packets(1, &[b"\x01", &column("a", 3), b"\x00"]), "no end behind the definitions of columns"),
        (broken, "a row with too few values"),
        (set(&[b"\x011\x01x\x01y"]), "a row with too many values"),
        (set(&[b"\x011\xff\x00\x00\x00\x00\x00\x00\x00\x00"]), "a broken length of a value"),
        (set(&[b""]), "an empty packet for a row"),
        (set(&[b"\xff\x15\x04#HY000gone"]), "an error instead of a row"),
    ] {
        assert_eq!(heard("", &reply).end, End::Fault(Fault::Invalid(why)), "{}", reply.escape_ascii());
    }
    let whole = set(&[b"\x011\x01x"]);
    assert_eq!(heard("", &whole[..whole.len() - 1]).end, End::Cut);
}

#[test]
fn a_row_may_be_larger_than_a_packet() {
    let configured = configure::<MySql>("mysql_query 'SELECT 1';").unwrap();
    let mut asking = Asking::get("/", &configured);
    let module = configured.kind.create_request(&mut asking, &configured.location, &mut Out::new());
    let value = vec![b'x'; (1 << 24) + 5];
    let row = [&b"\x011\xfd\x05\x00\x00"[..], &value].concat();
    // The length is wrong on purpose: three bytes cannot say it, eight can.
    let row = [&row[..2], &[0xfe], &(value.len() as u64).to_le_bytes(), &value].concat();
    let (front, back) = row.split_at(0xff_ffff);
    let (id, name) = (column("id", 3), column("b", 253));
    let reply = [
        packets(1, &[&[2], &id, &name, EOF]),
        vec![0xff, 0xff, 0xff, 5],
        front.to_vec(),
        packets(6, &[back, EOF]),
    ]
    .concat();
    let pieces: Vec<&[u8]> = reply.chunks(60_001).collect();
    let heard = hear(&mut *module.unwrap(), &pieces, 4096);
    assert_eq!((heard.end, heard.body.len(), heard.reusable), (End::Framed, value.len() + 18, true));
}

/// What a server says first: version, id, scramble in two parts, and the way of proving it prefers.
fn hello(plugin: &str) -> Vec<u8> {
    let head =
        b"\x0a8.0.1\0\x01\0\0\0abcdefgh\0\xff\xf7\x2d\x02\0\xff\xc7\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0";
    [&head[..], plugin.as_bytes(), b"\0"].concat()
}

fn greeted(contents: &[&[u8]]) -> Result<(Vec<u8>, bool), Fault> {
    let directives = "mysql_query 'SELECT 1'; mysql_user me; mysql_password secret; mysql_database db;";
    let configured = configure::<MySql>(directives).unwrap();
    let mut asking = Asking::get("/", &configured);
    let module = configured.kind.create_request(&mut asking, &configured.location, &mut Out::new());
    let all = packets(0, contents);
    let each: Vec<&[u8]> = all.chunks(1).collect();
    greet(&mut *module.unwrap(), &each)
}

#[test]
fn a_login_proves_the_password_as_the_server_wishes() {
    let ok: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
    for (plugin, length) in [("mysql_native_password", 20), ("caching_sha2_password", 32)] {
        let (sent, done) = greeted(&[&hello(plugin), ok]).unwrap();
        assert!(done);
        assert_eq!((usize::from(sent[0]), &sent[1..4]), (sent.len() - 4, &[0, 0, 1][..]));
        let tail = [b"me\0", &[length][..]].concat();
        assert!(sent[36..].starts_with(&tail), "{}", sent.escape_ascii());
        assert!(sent.ends_with(format!("db\0{plugin}\0").as_bytes()));
    }
    let switch = [b"\xfemysql_native_password\0", &b"ABCDEFGHIJKLMNOPQRST\0"[..]].concat();
    let (sent, done) = greeted(&[&hello("caching_sha2_password"), &switch, ok]).unwrap();
    assert!(done && sent[..sent.len() - 20].ends_with(&[20, 0, 0, 2]));
    assert!(greeted(&[&hello("caching_sha2_password"), &[1, 3], ok]).unwrap().1);
    assert!(!greeted(&[&hello("x")]).unwrap().1);
}

#[test]
fn a_login_that_cannot_be_is_refused_with_the_reason() {
    let why = |contents: &[&[u8]]| match greeted(contents) {
        Err(Fault::Invalid(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(why(&[&hello("caching_sha2_password"), &[1, 4]]).contains("full authentication"));
    assert_eq!(why(&[&hello("x"), b"\xffclient_ed25519\0"]), "an error to the login");
    assert_eq!(why(&[&hello("x"), b"\xfeclient_ed25519\0abc"]), "a wish for an unsupported authentication");
    assert_eq!(why(&[b"\xff\x10\x04too many"]), "an error to the login");
    assert_eq!(why(&[b"\x0aoops"]), "a broken greeting");
    assert_eq!(why(&[b"HTTP"]), "a greeting of an unknown version");
    assert_eq!(conf::MODULE.directives.len(), 5);
}

proptest! {
    #[test]
    fn no_reply_makes_it_panic(
        contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..24), 0..6),
        flips in proptest::collection::vec((0usize..256, any::<u8>()), 0..3),
        csv in any::<bool>(),
        good in any::<bool>(),
    ) {
        let format = if csv { "csv" } else { "json" };
        let configured = configure::<MySql>(&format!("mysql_query 'SELECT 1'; mysql_format {format};"));
        let configured = configured.unwrap();
        let mut asking = Asking::get("/", &configured);
        let module = configured.kind.create_request(&mut asking, &configured.location, &mut Out::new());
        let contents: Vec<&[u8]> = contents.iter().map(|content| &content[..]).collect();
        let mut bytes = if good { set(&contents) } else { packets(1, &contents) };
        for (at, byte) in flips {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        hear(&mut *module.unwrap(), &bytes.chunks(7).collect::<Vec<_>>(), 16);
        prop_assert!(greeted(&contents).is_ok_and(|(_, done)| !done) || greeted(&contents).is_err());
    }
}
