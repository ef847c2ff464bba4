//! Values: what is accepted, what is refused, and in which words.

use super::*;
use crate::conf::tree::Place;

fn line(words: &str) -> Line {
    let at = Place { file: Some("x.conf".into()), line: 7 };
    let mut args = words.split(' ').map(|word| Arg::new(word.as_bytes(), false, at.clone()));
    let name = args.next().unwrap_or_else(|| Arg::new(&b""[..], false, at.clone()));
    Line { name, args: args.collect(), block: None, at: at.clone(), end: at.clone(), fault: None }
}

#[test]
fn sizes_have_units() {
    for (text, size) in [
        ("0", Some(0)),
        ("10", Some(10)),
        ("4k", Some(4096)),
        ("4K", Some(4096)),
        ("1m", Some(1 << 20)),
        ("2G", Some(2 << 30)),
        ("", None),
        ("k", None),
        ("-1", None),
        ("1kk", None),
        ("1.5m", None),
        ("9223372036854775807", Some(i64::MAX as u64)),
        ("9223372036854775808", None),
        ("99999999999999999999999", None),
        ("9999999999999g", None),
    ] {
        assert_eq!(parse_size(text.as_bytes()), size, "{text}");
    }
}

#[test]
fn times_combine_units_from_large_to_small() {
    for (text, ms) in [
        ("0", Some(0)),
        ("30", Some(30_000)),
        ("30s", Some(30_000)),
        ("500ms", Some(500)),
        ("1h30m", Some(5_400_000)),
        ("1d 12h", Some(129_600_000)),
        ("1m 30", Some(90_000)),
        ("1m30", Some(90_000)),
        ("1s500ms", Some(1500)),
        ("1w", Some(604_800_000)),
        ("1M", Some(2_592_000_000)),
        ("1y", Some(31_536_000_000)),
        ("1y1M1w1d1h1m1s1ms", Some(34_822_861_001)),
        ("", None),
        ("m", None),
        ("1x", None),
        ("1S", None),
        ("30m1h", None),
        ("1m1m", None),
        ("-1s", None),
        (" 1s", None),
        ("1 s", None),
        ("30 1h", None),
        ("9999999999999999y", None),
    ] {
        assert_eq!(parse_msec(text.as_bytes()), ms, "{text}");
    }
}

#[test]
fn seconds_refuse_milliseconds() {
    assert_eq!(parse_sec(b"1m30s"), Some(90));
    assert_eq!(parse_sec(b"90"), Some(90));
    assert_eq!(parse_sec(b"1500ms"), None);
}

#[test]
fn hundredths_have_at_most_two_decimals() {
    for (text, value) in [
        ("1", Some(100)),
        ("1.5", Some(150)),
        ("0.05", Some(5)),
        ("1.", None),
        (".5", None),
        ("1.555", None),
        ("1.x", None),
    ] {
        assert_eq!(parse_hundredths(text.as_bytes()), value, "{text}");
    }
}

#[test]
fn a_second_line_of_the_same_name_is_a_duplicate() {
    let mut setting = Setting::new(false);
    assert_eq!(line("sendfile on").flag(&mut setting), Ok(()));
    let err = line("sendfile off").flag(&mut setting).map_err(|e| e.to_string());
    assert_eq!(err, Err("\"sendfile\" directive is duplicate in x.conf:7".to_owned()));
    assert!(*setting);
}

#[test]
fn refusals_have_the_words_of_nginx() {
    let number = &mut Setting::new(1u64);
    let cases: [(Result<(), ConfError>, &str); 7] = [
        (
            line("sendfile yes").flag(&mut Setting::new(false)),
            "invalid value \"yes\" in \"sendfile\" directive, it must be \"on\" or \"off\" in x.conf:7",
        ),
        (line("backlog ten").number(number), "\"backlog\" directive invalid number in x.conf:7"),
        (line("buffer 4kb").size(number), "\"buffer\" directive invalid value in x.conf:7"),
        (line("timeout 1q").msec(number), "\"timeout\" directive invalid value in x.conf:7"),
        (line("timeout 1ms").sec(number), "\"timeout\" directive invalid value in x.conf:7"),
        (
            line("buffers 0 4k").buffers(&mut Setting::new((8, 4096))),
            "\"buffers\" directive invalid value in x.conf:7",
        ),
        (line("alone").size(number), "invalid number of arguments in \"alone\" directive in x.conf:7"),
    ];
    for (result, text) in cases {
        assert_eq!(result.map_err(|e| e.to_string()), Err(text.to_owned()));
    }
}

#[test]
fn words_of_a_table_are_found_in_any_case_and_suggested() {
    let table = [("error", 2), ("timeout", 4), ("off", 8)];
    let mut choice = Setting::new(0);
    assert_eq!(line("next TimeOut").choice(&mut choice, &table), Ok(()));
    assert_eq!(*choice, 4);
    let mut bits = Setting::new(6);
    assert_eq!(line("next off").bits(&mut bits, &table), Ok(()));
    assert_eq!(line("next error").bits(&mut bits, &table), Ok(()));
    assert_eq!(*bits, 10);
    let err = line("next error timout").bits(&mut bits, &table).map_err(|e| e.to_string());
    assert_eq!(err, Err("invalid value \"timout\" (did you mean \"timeout\"?) in x.conf:7".to_owned()));
}

#[test]
fn parameters_are_taken_apart_and_suggested() {
    let line = line("server a weight=5 wieght=6 blah");
    assert_eq!(line.args[1].after("weight="), Some(&b"5"[..]));
    assert_eq!(line.args[1].after("max_fails="), None);
    let known = ["weight=", "max_fails=", "down"];
    let texts = line.args[2..].iter().map(|arg| arg.invalid_parameter(&known).to_string());
    assert_eq!(
        texts.collect::<Vec<_>>(),
        [
            "invalid parameter \"wieght=6\" (did you mean \"weight=6\"?) in x.conf:7",
            "invalid parameter \"blah\" in x.conf:7"
        ]
    );
}

#[test]
fn strings_come_in_the_kind_of_bytes_the_module_keeps() {
    let (mut vec, mut shared, mut text) =
        (Setting::new(vec![]), Setting::new(std::rc::Rc::from(&b""[..])), Setting::default());
    assert_eq!(line("root /a").string::<Vec<u8>>(&mut vec), Ok(()));
    assert_eq!(line("root /b").string::<std::rc::Rc<[u8]>>(&mut shared), Ok(()));
    assert_eq!(line("root /c").text(&mut text), Ok(()));
    assert_eq!((vec.as_slice(), &**shared, text.as_str()), (&b"/a"[..], &b"/b"[..], "/c"));
}
