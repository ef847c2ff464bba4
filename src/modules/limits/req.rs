//! `limit_req`: how fast a client may ask.
//!
//! *In nginx* `ngx_http_limit_req_module`, a leaky bucket for each key.
//!
//! *Here* the same bucket, with nginx's arithmetic in thousandths of a request: each request pours 1000 in,
//! the rate lets some out with time, and what is above `burst` does not fit. What is above `delay` waits
//! until it has leaked out.
//!
//! ```text
//!   excess = max(0, excess − rate · ms + 1000)
//!     0 ──── delay ──────── burst ─────▶
//!     at once │ later        │ refused with limit_req_status
//! ```
//!
//! With several limits all must agree: each bucket is looked at first, and poured into only when the last one
//! agreed. Until then a count in the entry keeps it from being thrown away.
//!
//! *Read next*: `sys/table.rs`, `http/delay.rs`.

use super::{Refusal, Refuses, SHAPE, Verdict, already_bound, dry_run, log_level, status, zone_parameter};
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, HTTP, LEVELS, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::conf::value::parse_number;
use crate::conf::zone::Zone;
use crate::event::{RequestIx, clock};
use crate::http::delay;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging::{self, printable};
use crate::http::module::HttpModule;
use crate::http::phases::{self, Phase};
use crate::http::turn::Status;
use crate::http::vars::{Definition, Template, definition};
use crate::log::Level;
use crate::settings;
use crate::sys::table::{Entry, Hash, Table};
use std::cell::OnceCell;
use std::rc::Rc;

/// What `limit_req_zone` says of a zone.
#[derive(Debug)]
struct Setup {
    key: Template,
    key_text: String,
    /// Thousandths of a request that leak out in a second.
    rate: i64,
}

/// A zone; `limit_req` may name it before `limit_req_zone` does.
#[derive(Debug)]
pub struct ReqZone {
    zone: Rc<Zone>,
    setup: OnceCell<Setup>,
}

/// A `limit_req` line; amounts in thousandths of a request.
#[derive(Clone, Debug)]
pub struct Limit {
    zone: Rc<ReqZone>,
    burst: i64,
    delay: i64,
}

settings! {
    /// The zones.
    pub struct LimitReqMain: Http {
        plain {
            /// In the order of their first mention.
            pub zones: Vec<Rc<ReqZone>> = Vec::new()
        }
    }
}

settings! {
    /// The limits of a level.
    pub struct LimitReq: Location {
        /// `limit_req`
        pub limits: Vec<Limit> = Vec::new(),
        groups {
            /// What is done about requests that are too many.
            pub refusal: Refusal
        }
    }
}

impl Refuses for LimitReq {
    fn refusal(&mut self) -> &mut Refusal {
        &mut self.refusal
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    phases: &[(Phase::Preaccess, handler)],
    variables: Some(variables),
    idle: Some(|confs| confs.get::<LimitReq>().limits.is_empty()),
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module {
    name: "http_limit_req",
    directives: &[
        Directive::of("limit_req_zone", HTTP, Args::Exactly(3))
            .doc(
                "A shared zone (zone=name:size) that knows how fast each value of the key comes, and the \
                 rate (rate=5r/s or rate=30r/m) it may have.",
            )
            .set(limit_req_zone),
        Directive::of("limit_req", LEVELS, Args::Between(1, 3))
            .doc(
                "Limits requests by a zone: up to burst requests too many wait, of which delay (or with \
                 nodelay all) need not; others are refused.",
            )
            .set(limit_req),
        log_level::<LimitReq>(
            "limit_req_log_level",
            "The level at which refused requests are logged; delayed ones are one level lower.",
        ),
        status::<LimitReq>("limit_req_status"),
        dry_run::<LimitReq>("limit_req_dry_run", "Counts and logs, but neither delays nor refuses."),
    ],
};

const TAG: &str = "limit_req";

fn find_zone(cx: &mut Cx, line: &Line, name: &str, bytes: Option<u64>) -> Result<Rc<ReqZone>, ConfError> {
    let zone = cx.zone(line, name, bytes, TAG)?;
    let zones = &mut cx.conf::<LimitReqMain>().zones;
    if let Some(known) = zones.iter().find(|known| Rc::ptr_eq(&known.zone, &zone)) {
        return Ok(known.clone());
    }
    let new = Rc::new(ReqZone { zone, setup: OnceCell::new() });
    zones.push(new.clone());
    Ok(new)
}

fn limit_req_zone(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let key = line.arg(0)?;
    let (mut found, mut rate) = (None, 1000);
    for arg in line.args.iter().skip(1) {
        if let Some(zone) = zone_parameter(line, arg)? {
            found = Some(zone);
        } else if let Some(text) = arg.after("rate=") {
            rate = parse_rate(text).ok_or_else(|| line.err(format_args!("invalid rate \"{arg}\"")))?;
        } else {
            return Err(arg.invalid_parameter(&["zone=", "rate="]));
        }
    }
    let Some((name, bytes)) = found else {
        return Err(line.err(format_args!("\"{}\" must have \"zone\" parameter", line.name)));
    };
    let template = Template::compile(cx, line, key)?;
    let zone = find_zone(cx, line, &name, Some(bytes))?;
    if let Some(setup) = zone.setup.get() {
        return Err(already_bound(line, &name, &setup.key_text, cx));
    }
    // It is empty: the line before has just seen so.
    let _ = zone.setup.set(Setup { key: template, key_text: key.to_string(), rate });
    Ok(())
}

/// `5r/s` or `30r/m`, in thousandths per second.
fn parse_rate(text: &[u8]) -> Option<i64> {
    let (digits, seconds) = match text {
        [digits @ .., b'r', b'/', b's'] => (digits, 1),
        [digits @ .., b'r', b'/', b'm'] => (digits, 60),
        digits => (digits, 1),
    };
    let rate = i64::try_from(parse_number(digits)?).ok().filter(|rate| *rate > 0)?;
    Some(rate.checked_mul(1000)? / seconds)
}

fn limit_req(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let (mut name, mut burst, mut delay) = (None, 0, 0);
    let thousandths = |text: &[u8]| {
        let number = i64::try_from(parse_number(text)?).ok()?;
        number.checked_mul(1000)
    };
    for arg in &line.args {
        if let Some(text) = arg.after("zone=") {
            name = Some(String::from_utf8_lossy(text).into_owned());
        } else if let Some(text) = arg.after("burst=") {
            let parsed = thousandths(text).filter(|burst| *burst > 0);
            burst = parsed.ok_or_else(|| line.err(format_args!("invalid burst value \"{arg}\"")))?;
        } else if let Some(text) = arg.after("delay=") {
            let parsed = thousandths(text).filter(|delay| *delay > 0);
            delay = parsed.ok_or_else(|| line.err(format_args!("invalid delay value \"{arg}\"")))?;
        } else if arg.is("nodelay") {
            delay = i64::MAX;
        } else {
            return Err(arg.invalid_parameter(&["zone=", "burst=", "delay=", "nodelay"]));
        }
    }
    let Some(name) = name else {
        return Err(line.err(format_args!("\"{}\" must have \"zone\" parameter", line.name)));
    };
    let zone = find_zone(cx, line, &name, None)?;
    let limits = cx.conf::<LimitReq>().limits.edit();
    line.refuse_duplicate(limits.iter().any(|limit| Rc::ptr_eq(&limit.zone, &zone)))?;
    limits.push(Limit { zone, burst, delay });
    Ok(())
}

/// What a look into a bucket came to.
enum Look {
    /// It is poured into.
    Accounted(i64),
    /// It has room, and is to be poured into when the others have room too.
    Reserved(Entry, Hash),
    /// It has no room.
    Busy(i64),
    /// There is no memory for it.
    Full,
}

/// The first value of an entry: the excess.
const EXCESS: usize = 0;
/// The second: milliseconds of the last request, and above them the requests that are being decided.
const LAST: usize = 1;
const MS: u64 = (1 << 48) - 1;

/// A zone's table with its rate.
struct Buckets<'a> {
    table: Table<'a>,
    rate: i64,
}

impl Buckets<'_> {
    fn pending(&self, entry: Entry) -> u64 {
        self.table.value(entry, LAST) >> 48
    }

    fn set_last(&self, entry: Entry, ms: u64, pending: u64) {
        self.table.set_value(entry, LAST, ms & MS | pending << 48);
    }

    /// The excess with one request more, and the milliseconds that have passed.
    fn poured(&self, entry: Entry, now: u64) -> (i64, i64) {
        let last = self.table.value(entry, LAST) & MS;
        let passed = (now & MS) as i64 - last as i64;
        // The clocks of two workers may differ a little; a lot means that one was set.
        let passed = if passed < -60_000 { 1 } else { passed.max(0) };
        let excess = self.table.value(entry, EXCESS) as i64;
        let leaked = self.rate.saturating_mul(passed) / 1000;
        (excess.saturating_sub(leaked).saturating_add(1000).max(0), passed)
    }

    fn look(&self, hash: Hash, burst: i64, last_one: bool) -> Look {
        let now = clock::now();
        if let Some(entry) = self.table.find(hash) {
            self.table.touch(entry);
            let (excess, passed) = self.poured(entry, now);
            if excess > burst {
                return Look::Busy(excess);
            }
            if last_one {
                self.account(entry, excess, passed, now);
                return Look::Accounted(excess);
            }
            let last = self.table.value(entry, LAST) & MS;
            self.set_last(entry, last, self.pending(entry).saturating_add(1));
            return Look::Reserved(entry, hash);
        }
        self.expire(now, false);
        let mut entry = self.table.insert(hash);
        if entry.is_none() {
            self.expire(now, true);
            entry = self.table.insert(hash);
        }
        match entry {
            None => Look::Full,
            Some(entry) if last_one => {
                self.set_last(entry, now, 0);
                Look::Accounted(0)
            }
            Some(entry) => {
                self.set_last(entry, 0, 1);
                Look::Reserved(entry, hash)
            }
        }
    }

    fn account(&self, entry: Entry, excess: i64, passed: i64, now: u64) {
        self.table.set_value(entry, EXCESS, excess as u64);
        if passed != 0 {
            self.set_last(entry, now, self.pending(entry));
        }
    }

    /// Ends a reservation; `pour` says that the request goes on. Gives the excess.
    fn settle(&self, entry: Entry, hash: Hash, pour: bool) -> i64 {
        // A reserved entry is not thrown away, but memory outlives whoever was killed in it.
        if self.table.find(hash) != Some(entry) {
            return 0;
        }
        let now = clock::now();
        let (excess, passed) = self.poured(entry, now);
        if pour {
            self.account(entry, excess, passed, now);
        }
        let last = self.table.value(entry, LAST) & MS;
        self.set_last(entry, last, self.pending(entry).saturating_sub(1));
        excess
    }

    /// Throws away up to two buckets that have run empty a minute ago, and with `force` the oldest in any
    /// case.
    fn expire(&self, now: u64, force: bool) {
        for number in u8::from(!force)..3 {
            let Some(oldest) = self.table.oldest() else { return };
            if self.pending(oldest) != 0 {
                return;
            }
            let (excess, passed) = self.poured(oldest, now);
            if number != 0 && (passed < 60_000 || excess > 1000) {
                return;
            }
            self.table.remove(oldest);
        }
    }
}

fn with_buckets<T>(zone: &ReqZone, act: impl FnOnce(&Buckets) -> T) -> Option<T> {
    let (words, setup) = (zone.zone.memory()?, zone.setup.get()?);
    let buckets = Buckets { table: Table::new(words, SHAPE), rate: setup.rate };
    let _held = buckets.table.lock();
    Some(act(&buckets))
}

/// The longest key, in bytes.
const LONGEST: usize = 65_535;

/// The key of a limit for a request; None when the limit does not apply.
fn key(limit: &Limit, x: &mut Exchange, r: RequestIx, io: &mut Io) -> Option<Slice> {
    let setup = limit.zone.setup.get()?;
    let key = setup.key.eval(x, r, io);
    if key.len() > LONGEST {
        let (name, shown) = (&setup.key_text, printable(&key));
        let text = format_args!("the value of the \"{name}\" key is more than {LONGEST} bytes: \"{shown}\"");
        logging::log(x, r, io, Level::Error, None, text);
        return None;
    }
    (!key.is_empty()).then_some(key)
}

fn handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    let level = x[r].loc.clone();
    let conf = level.confs.get::<LimitReq>();
    if conf.limits.is_empty() || x.main().flags.limit_req != Verdict::None {
        return Status::Declined;
    }
    let mut reserved: Vec<(&Limit, Entry, Hash)> = Vec::new();
    let mut worst: Option<(i64, &Limit)> = None;
    let mut applied = false;
    for (number, limit) in conf.limits.iter().enumerate() {
        let Some(key) = key(limit, x, r, io) else { continue };
        let last_one = number + 1 == conf.limits.len();
        let look = with_buckets(&limit.zone, |buckets| {
            buckets.look(buckets.table.hash(&key), limit.burst, last_one)
        });
        applied = true;
        match look {
            Some(Look::Accounted(excess)) => worst = Some((excess, limit)),
            Some(Look::Reserved(entry, hash)) => reserved.push((limit, entry, hash)),
            Some(Look::Busy(excess)) => return reject(x, r, io, conf, &reserved, Some((excess, limit))),
            Some(Look::Full) | None => {
                let name = limit.zone.zone.name();
                let text = format_args!("could not allocate node in limit_req zone \"{name}\"");
                logging::log(x, r, io, Level::Alert, None, text);
                return reject(x, r, io, conf, &reserved, None);
            }
        }
    }
    if !applied {
        return Status::Declined;
    }
    let mut wait = worst.map_or(0, |(excess, limit)| wait_of(limit, excess));
    for (limit, entry, hash) in reserved {
        let excess = with_buckets(&limit.zone, |buckets| buckets.settle(entry, hash, true)).unwrap_or(0);
        let longer = wait_of(limit, excess);
        if longer > wait {
            wait = longer;
            worst = Some((excess, limit));
        }
    }
    match worst {
        Some((excess, limit)) if wait > 0 => wait_for_it(x, r, io, conf, excess, limit, wait),
        _ => {
            x.main_mut().flags.limit_req = Verdict::Passed;
            Status::Declined
        }
    }
}

/// Milliseconds until the excess has leaked to what need not wait.
fn wait_of(limit: &Limit, excess: i64) -> u64 {
    let rate = limit.zone.setup.get().map_or(1000, |setup| setup.rate.max(1));
    u64::try_from(excess.saturating_sub(limit.delay).saturating_mul(1000) / rate).unwrap_or(0)
}

fn wait_for_it(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    conf: &LimitReq,
    excess: i64,
    limit: &Limit,
    wait: u64,
) -> Status {
    let (dry, name) = (conf.refusal.dry(), limit.zone.zone.name());
    let (whole, rest) = (excess / 1000, excess % 1000);
    let text = format_args!("delaying request{dry}, excess: {whole}.{rest:03}, by zone \"{name}\"");
    let log_level = match *conf.refusal.log_level {
        Level::Error => Level::Warn,
        Level::Warn => Level::Notice,
        _ => Level::Info,
    };
    logging::log(x, r, io, log_level, None, text);
    if *conf.refusal.dry_run {
        x.main_mut().flags.limit_req = Verdict::DelayedDryRun;
        return Status::Declined;
    }
    x.main_mut().flags.limit_req = Verdict::Delayed;
    delay::start(x, r, io, wait, phases::run);
    Status::Again
}

fn reject(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    conf: &LimitReq,
    reserved: &[(&Limit, Entry, Hash)],
    busy: Option<(i64, &Limit)>,
) -> Status {
    let dry = conf.refusal.dry();
    if let Some((excess, limit)) = busy {
        let (whole, rest, name) = (excess / 1000, excess % 1000, limit.zone.zone.name());
        let text = format_args!("limiting requests{dry}, excess: {whole}.{rest:03} by zone \"{name}\"");
        logging::log(x, r, io, *conf.refusal.log_level, None, text);
    }
    for (limit, entry, hash) in reserved {
        with_buckets(&limit.zone, |buckets| buckets.settle(*entry, *hash, false));
    }
    conf.refusal.refuse(&mut x.main_mut().flags.limit_req)
}

fn variables() -> Vec<(&'static str, Definition)> {
    let get = |x: &mut Exchange, _, _: &mut Io| x.main().flags.limit_req.word();
    vec![("limit_req_status", definition(get).volatile())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::words::Words;

    #[test]
    fn a_rate_is_thousandths_in_a_second() {
        let rows: [(&str, Option<i64>); 5] =
            [("2r/s", Some(2000)), ("30r/m", Some(500)), ("5", Some(5000)), ("0r/s", None), ("r/s", None)];
        for (text, want) in rows {
            assert_eq!(parse_rate(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn a_bucket_fills_up_and_a_reservation_can_be_taken_back() {
        let words = Words::private(256);
        let buckets = Buckets { table: Table::new(&words, SHAPE), rate: 1 };
        let hash = buckets.table.hash(b"a");
        assert!(matches!(buckets.look(hash, 1000, true), Look::Accounted(0)));
        let Look::Reserved(entry, _) = buckets.look(hash, 1000, false) else { panic!("no reservation") };
        assert_eq!(buckets.pending(entry), 1);
        buckets.settle(entry, hash, false);
        assert!(matches!(buckets.look(hash, 1000, true), Look::Accounted(1000)));
        assert!(matches!(buckets.look(hash, 1000, true), Look::Busy(2000)));
        buckets.expire(clock::now(), true);
        assert!(matches!(buckets.look(hash, 1000, true), Look::Accounted(0)));
    }
}
