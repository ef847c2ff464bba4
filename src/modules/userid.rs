//! `userid`: a cookie that tells clients apart.
//!
//! *In nginx* `ngx_http_userid_filter_module`, after the Apache module mod_uid, whose format it shares.
//!
//! *Here* the same 16 bytes: four numbers, made so that no two servers and no two workers give the same. They
//! are sent in base64 and shown in logs as 32 hexadecimal digits. The second last digit of base64 may carry a
//! mark: a cookie with another mark is sent anew with the same numbers.
//!
//! ```text
//!   [server's address | time | start of the worker | serial number]  ─▶  uid=fwAAAWJ5…AgMDAg==
//!   $uid_got  what the client had        $uid_set  what it was given        $uid_reset  "1": give a new one
//! ```
//!
//! NGINX: version 2 stores the numbers with the highest byte first, version 1 as the processor does.
//!
//! *Read next*: `output/mod.rs: HeaderFilter`.

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::conf::value::parse_sec;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::headers::Known;
use crate::http::io::Io;
use crate::http::logging::{self, printable};
use crate::http::module::HttpModule;
use crate::http::output::{HeaderFilter, Stage};
use crate::http::turn::Status;
use crate::http::vars::{self, Definition, definition};
use crate::log::{Level, clock};
use crate::parse::list;
use crate::settings;
use crate::util::address::Address;
use crate::util::base64;
use std::net::IpAddr;

/// `userid`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Enable {
    /// No cookie is looked at.
    Off,
    /// A cookie is looked at and never sent.
    Log,
    /// Version 1 is sent.
    V1,
    /// Version 2 is sent.
    On,
}

/// `userid_expires`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expires {
    /// With the browser's session.
    Off,
    /// In 2037.
    Max,
    /// After so many seconds.
    After(u64),
}

const SECURE: u32 = 1;
const HTTP_ONLY: u32 = 2;
const STRICT: u32 = 4;
const LAX: u32 = 8;
const NONE: u32 = 16;

settings! {
    /// The cookie of a level.
    pub struct Userid: Location {
        /// `userid`
        pub enable: Enable = Enable::Off,
        /// `userid_service`
        pub service: u64 = 0,
        /// `userid_name`
        pub name: Vec<u8> = b"uid".to_vec(),
        /// `userid_domain`; empty for none
        pub domain: Vec<u8> = Vec::new(),
        /// `userid_path`
        pub path: Vec<u8> = b"/".to_vec(),
        /// `userid_expires`
        pub expires: Expires = Expires::Off,
        /// `userid_flags`
        pub flags: u32 = 0,
        /// `userid_p3p`; empty for none
        pub p3p: Vec<u8> = Vec::new(),
        /// `userid_mark`; 0 for none
        pub mark: u8 = 0,
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    variables: Some(variables),
    filters: &[HeaderFilter { stage: Stage::Userid, run: filter }],
    idle: Some(|confs| *confs.get::<Userid>().enable < Enable::V1),
    ..HttpModule::new(&TABLE)
};

const ONE: Args = Args::Exactly(1);

static TABLE: Module = Module {
    name: "http_userid",
    directives: &[
        Directive::of("userid", LEVELS, ONE)
            .default("off")
            .doc("Whether a cookie is sent (on, v1) or only looked at (log).")
            .set(|cx, line| {
                let words =
                    [("off", Enable::Off), ("log", Enable::Log), ("v1", Enable::V1), ("on", Enable::On)];
                line.choice(&mut cx.conf::<Userid>().enable, &words)
            }),
        Directive::of("userid_service", LEVELS, ONE)
            .doc("A number of this server in place of its address.")
            .set(|cx, line| line.number(&mut cx.conf::<Userid>().service)),
        Directive::of("userid_name", LEVELS, ONE)
            .default("uid")
            .doc("The name of the cookie.")
            .set(|cx, line| line.string(&mut cx.conf::<Userid>().name)),
        Directive::of("userid_domain", LEVELS, ONE)
            .default("none")
            .doc("The domain the cookie is for.")
            .set(|cx, line| text_or_none(line, &mut cx.conf::<Userid>().domain)),
        Directive::of("userid_path", LEVELS, ONE)
            .default("/")
            .doc("The path the cookie is for.")
            .set(|cx, line| line.string(&mut cx.conf::<Userid>().path)),
        Directive::of("userid_expires", LEVELS, ONE)
            .default("off")
            .doc("How long a browser keeps the cookie.")
            .set(expires),
        Directive::of("userid_flags", LEVELS, Args::AtLeast(1))
            .default("off")
            .doc("Attributes of the cookie.")
            .set(|cx, line| {
                let flags = [
                    ("off", 0),
                    ("secure", SECURE),
                    ("httponly", HTTP_ONLY),
                    ("samesite=strict", STRICT),
                    ("samesite=lax", LAX),
                    ("samesite=none", NONE),
                ];
                line.bits(&mut cx.conf::<Userid>().flags, &flags)
            }),
        Directive::of("userid_p3p", LEVELS, ONE)
            .default("none")
            .doc("The value of a P3P field sent with the cookie.")
            .set(|cx, line| text_or_none(line, &mut cx.conf::<Userid>().p3p)),
        Directive::of("userid_mark", LEVELS, ONE)
            .default("off")
            .doc("A mark; cookies without it are sent anew.")
            .set(mark),
    ],
};

fn text_or_none(line: &Line, setting: &mut crate::conf::merge::Setting<Vec<u8>>) -> Result<(), ConfError> {
    let text = line.arg(0)?;
    let text = if text.is("none") { Vec::new() } else { text.to_vec() };
    line.store(setting, text)
}

fn expires(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let setting = &mut cx.conf::<Userid>().expires;
    line.refuse_duplicate(setting.is_set())?;
    setting.set(match line.arg(0)?.bytes() {
        b"off" => Expires::Off,
        b"max" => Expires::Max,
        text => Expires::After(parse_sec(text).ok_or_else(|| line.directive_err("invalid value"))?),
    });
    Ok(())
}

fn mark(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let setting = &mut cx.conf::<Userid>().mark;
    line.refuse_duplicate(setting.is_set())?;
    setting.set(match line.arg(0)?.bytes() {
        b"off" => 0,
        [mark] if mark.is_ascii_alphanumeric() || *mark == b'=' => *mark,
        _ => {
            let must = "value must be \"off\" or a single letter, digit or \"=\"";
            return Err(line.directive_err(must));
        }
    });
    Ok(())
}

/// Four numbers, as they stand in the cookie.
type Uid = [u8; 16];

/// What is known of a request's cookie.
#[derive(Clone, Debug, Default)]
struct State {
    /// What the client sent.
    got: Option<Uid>,
    /// The text it sent.
    cookie: Slice,
    /// What it is given.
    set: Option<Uid>,
}

impl State {
    /// The cookie has the mark it should have.
    fn is_marked(&self, conf: &Userid) -> bool {
        *conf.mark == 0 || matches!(self.cookie.get(22..24), Some([mark, b'=']) if *mark == *conf.mark)
    }
}

/// The numbers of the worker, so that no two cookies are alike.
struct Serials {
    start: u32,
    v1: u32,
    v2: u32,
}

/// The first serial number of version 2: mod_uid put its own version there.
const FIRST_V2: u32 = 0x0303_0302;

impl Default for Serials {
    fn default() -> Serials {
        let (_, ms) = clock::msec();
        let start = (u32::from(ms) * 50) << 16 | std::process::id() & 0xffff;
        Serials { start, v1: 1, v2: FIRST_V2 }
    }
}

fn state<'a>(x: &'a mut Exchange, r: RequestIx, io: &Io, conf: &Userid) -> &'a mut State {
    if x[r].ctx.get::<State>().is_none() {
        let state = read(x, r, io, conf);
        x[r].ctx.set(state);
    }
    x[r].ctx.or_default()
}

fn read(x: &Exchange, r: RequestIx, io: &Io, conf: &Userid) -> State {
    let fields = x.main().headers_in.all(Known::Cookie);
    let found = fields.filter_map(|field| Some((field, list::cookie(field, &conf.name)?))).next();
    let Some((field, cookie)) = found else { return State::default() };
    let decoded = cookie.get(..22).map(base64::decode);
    let what = match decoded {
        Some(Some(bytes)) => {
            let got = Uid::try_from(bytes).ok().filter(|got| got.get(12..) != Some(&[0; 4]));
            return State { got, cookie: Slice::copy(cookie), ..State::default() };
        }
        Some(None) => "invalid",
        None => "too short",
    };
    let text = format_args!("client sent {what} userid cookie \"{}\"", printable(field));
    logging::log(x, r, io, Level::Error, None, text);
    State::default()
}

/// The number that tells servers apart, first byte first.
fn service(x: &Exchange, io: &mut Io, conf: &Userid) -> u32 {
    if conf.service.is_set() {
        return *conf.service as u32;
    }
    let local = io.conn(x.client.conn).and_then(|c| vars::core::local_address(c));
    match local.as_ref().and_then(Address::ip) {
        Some(IpAddr::V4(ip)) => ip.to_bits(),
        Some(IpAddr::V6(ip)) => ip.to_bits() as u32,
        None => 0,
    }
}

/// Decides what the client is given, once for a request.
fn decide(x: &mut Exchange, r: RequestIx, io: &mut Io, conf: &Userid) {
    let known = state(x, r, io, conf).clone();
    if known.set.is_some() {
        return;
    }
    if let Some(got) = known.got {
        let wanted = vars::by_name(x, r, io, b"uid_reset").unwrap_or_default();
        if matches!(&wanted[..], b"" | b"0") {
            if !known.is_marked(conf) {
                state(x, r, io, conf).set = Some(got);
            }
            return;
        }
        if *wanted == *b"log" {
            let text = shown(conf, &got);
            logging::log(x, r, io, Level::Notice, None, format_args!("userid cookie \"{text}\" was reset"));
        }
    }
    let first = service(x, io, conf);
    let time = clock::seconds() as u32;
    let serials = io.services.get::<Serials>();
    let numbers = if *conf.enable == Enable::V1 {
        let serial = serials.v1;
        serials.v1 = serial.wrapping_add(0x100);
        let first = if conf.service.is_set() { first } else { 0 };
        [first, time, serials.start, serial].map(u32::to_ne_bytes)
    } else {
        let serial = serials.v2;
        serials.v2 = serial.wrapping_add(0x100).max(FIRST_V2);
        [first, time, serials.start, serial].map(u32::to_be_bytes)
    };
    let mut uid = Uid::default();
    for (to, from) in uid.iter_mut().zip(numbers.concat()) {
        *to = from;
    }
    state(x, r, io, conf).set = Some(uid);
}

/// `uid=` and four numbers, as the processor reads them.
fn shown(conf: &Userid, uid: &Uid) -> String {
    let mut text = String::from_utf8_lossy(&conf.name).into_owned() + "=";
    for word in uid.chunks_exact(4) {
        let number = word.try_into().map_or(0, u32::from_ne_bytes);
        text += &format!("{number:08X}");
    }
    text
}

fn filter(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<(), Status> {
    let level = x[r].loc.clone();
    let conf = level.confs.get::<Userid>();
    if !x[r].is_main() || *conf.enable < Enable::V1 {
        return Ok(());
    }
    decide(x, r, io, conf);
    let Some(uid) = state(x, r, io, conf).set else { return Ok(()) };
    let cookie = cookie(conf, &uid);
    x[r].headers_out.add("Set-Cookie", cookie);
    if !conf.p3p.is_empty() {
        x[r].headers_out.add("P3P", Slice::copy(&conf.p3p));
    }
    Ok(())
}

fn cookie(conf: &Userid, uid: &Uid) -> Vec<u8> {
    let mut value = base64::encode(uid);
    if *conf.mark != 0
        && let Some(digit) = value.get_mut(22)
    {
        *digit = *conf.mark;
    }
    let mut text = [&conf.name[..], b"=", &value].concat();
    match *conf.expires {
        Expires::Off => {}
        Expires::Max => text.extend_from_slice(b"; expires=Thu, 31-Dec-37 23:55:55 GMT"),
        Expires::After(seconds) => {
            let at = clock::seconds().saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX));
            text.extend_from_slice(b"; expires=");
            text.extend_from_slice(&cookie_time(at));
        }
    }
    if !conf.domain.is_empty() {
        text.extend_from_slice(&[b"; domain=", &conf.domain[..]].concat());
    }
    text.extend_from_slice(&[b"; path=", &conf.path[..]].concat());
    for (flag, attribute) in [
        (SECURE, "; secure"),
        (HTTP_ONLY, "; httponly"),
        (STRICT, "; samesite=strict"),
        (LAX, "; samesite=lax"),
        (NONE, "; samesite=none"),
    ] {
        if *conf.flags & flag != 0 {
            text.extend_from_slice(attribute.as_bytes());
        }
    }
    text
}

/// The date of cookies: hyphens, and a year of two digits as long as old browsers know which century is
/// meant.
fn cookie_time(seconds: i64) -> Vec<u8> {
    let stamp = clock::http_date(seconds);
    let text = stamp.as_str();
    let mut words = text.split(' ');
    let mut word = || words.next().unwrap_or_default();
    let (weekday, day, month, year, time) = (word(), word(), word(), word(), word());
    let year = if year > "2037" { year } else { year.get(2..).unwrap_or_default() };
    format!("{weekday} {day}-{month}-{year} {time} GMT").into_bytes()
}

fn variables() -> Vec<(&'static str, Definition)> {
    let got = |x: &mut Exchange, r: RequestIx, io: &mut Io| {
        let level = x[r].loc.clone();
        let conf = level.confs.get::<Userid>();
        if *conf.enable == Enable::Off {
            return None;
        }
        let got = state(x, r, io, conf).got?;
        Some(Slice::from(shown(conf, &got)))
    };
    let set = |x: &mut Exchange, r: RequestIx, io: &mut Io| {
        let level = x[r].loc.clone();
        let conf = level.confs.get::<Userid>();
        if *conf.enable < Enable::V1 {
            return None;
        }
        decide(x, r, io, conf);
        let set = state(x, r, io, conf).set?;
        Some(Slice::from(shown(conf, &set)))
    };
    let reset = |_: &mut Exchange, _, _: &mut Io| Some(Slice::EMPTY);
    vec![
        ("uid_got", definition(got)),
        ("uid_set", definition(set)),
        ("uid_reset", definition(reset).changeable()),
    ]
}
