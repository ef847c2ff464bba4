//! The `events` block.
//!
//! *In nginx* this is `ngx_events_module` with `ngx_event_core_module` inside: which kernel interface is
//! used, how many connections a worker has, how accepting is shared.
//!
//! *Here* the interface is epoll, and accepting is not shared: each worker has sockets of its own.
//! Directives that could only choose otherwise are errors that say so; `accept_mutex on` is a warning,
//! since what it asks for (one worker woken by one connection) is the case anyway.
//!
//! *Read next*: `net.rs`, `accept.rs`.

use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, EVENTS, MAIN, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::settings;
use crate::util::address::Address;
use crate::util::cidr::Cidr;
use std::net::ToSocketAddrs;

settings! {
    /// What the `events` block says.
    pub struct Events: Process {
        /// `worker_connections`: how many connections a worker has at most, upstream ones included.
        pub worker_connections: u64 = 512,
        /// `multi_accept`: take all waiting connections in one turn.
        pub multi_accept: bool = false,
        /// `accept_mutex`: has nothing to do here.
        pub accept_mutex: bool = false,
        /// `accept_mutex_delay`, in milliseconds: has nothing to do here.
        pub accept_mutex_delay: u64 = 500,
        /// `use`: always epoll.
        pub interface: String = String::from("epoll"),
        plain {
            /// Whether there is an `events` block; nginx insists on one.
            pub present: bool = false,
            /// `debug_connection`: clients whose messages are all logged.
            pub debug_connection: Vec<Cidr> = Vec::new()
        }
    }
}

impl Events {
    /// Whether every message about this client is to be logged.
    pub fn is_debugged(&self, client: &Address) -> bool {
        self.debug_connection.iter().any(|network| network.contains(client))
    }

    /// To be called when the whole configuration has been read.
    ///
    /// # Errors
    /// There is no `events` block.
    pub fn check(&self) -> Result<(), ConfError> {
        match self.present {
            true => Ok(()),
            false => Err(ConfError::new("no \"events\" section in configuration")),
        }
    }
}

fn block(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let present = &mut cx.conf::<Events>().present;
    line.refuse_duplicate(*present)?;
    *present = true;
    cx.block(line, EVENTS, &[]).map(drop)
}

fn interface(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let name = line.arg(0)?;
    match name.bytes() {
        b"epoll" => line.text(&mut cx.conf::<Events>().interface),
        b"select" | b"poll" | b"kqueue" | b"eventport" | b"/dev/poll" => {
            Err(line.err(format_args!("event type \"{name}\" is not supported, use \"epoll\"")))
        }
        _ => Err(line.err(format_args!("invalid event type \"{name}\""))),
    }
}

fn accept_mutex(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    line.flag(&mut cx.conf::<Events>().accept_mutex)?;
    if *cx.conf::<Events>().accept_mutex {
        nothing_to_do(cx, line);
    }
    Ok(())
}

fn accept_mutex_delay(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    line.msec(&mut cx.conf::<Events>().accept_mutex_delay)?;
    nothing_to_do(cx, line);
    Ok(())
}

fn nothing_to_do(cx: &mut Cx, line: &Line) {
    let why = "has nothing to do: every worker accepts from sockets of its own";
    cx.warn(&line.at, format_args!("\"{}\" {why}", line.name));
}

fn debug_connection(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let text = line.arg(0)?.as_str()?;
    if let Some((network, meaningless)) = Cidr::parse(text) {
        if meaningless {
            cx.warn(&line.at, format_args!("low address bits of {text} are meaningless"));
        }
        cx.conf::<Events>().debug_connection.push(network);
        return Ok(());
    }
    let found = (!text.contains('/')).then(|| (text, 0).to_socket_addrs());
    let found: Vec<Cidr> =
        found.into_iter().flatten().flatten().map(|address| Cidr::of(address.ip())).collect();
    if found.is_empty() {
        return Err(line.err(format_args!("host not found in debug_connection \"{text}\"")));
    }
    cx.conf::<Events>().debug_connection.extend(found);
    Ok(())
}

/// The table.
pub static MODULE: Module = Module {
    name: "events",
    directives: &[
        Directive::of("events", MAIN, Args::None)
            .block()
            .doc("Settings of the event loop. The block must be there, be it empty.")
            .set(block),
        Directive::of("worker_connections", EVENTS, Args::Exactly(1))
            .default("512")
            .doc("How many connections a worker may have at once, those to upstream servers included.")
            .set(|cx, line| line.number(&mut cx.conf::<Events>().worker_connections)),
        Directive::of("multi_accept", EVENTS, Args::Flag)
            .default("off")
            .doc("Whether all waiting connections are accepted before other events are looked at.")
            .set(|cx, line| line.flag(&mut cx.conf::<Events>().multi_accept)),
        Directive::of("use", EVENTS, Args::Exactly(1))
            .default("epoll")
            .doc("The kernel's interface for events. There is one: epoll.")
            .set(interface),
        Directive::of("accept_mutex", EVENTS, Args::Flag)
            .default("off")
            .doc("Has nothing to do: every worker accepts from sockets of its own. Turning it on warns.")
            .set(accept_mutex),
        Directive::of("accept_mutex_delay", EVENTS, Args::Exactly(1))
            .default("500ms")
            .doc("Has nothing to do, as accept_mutex. Setting it warns.")
            .set(accept_mutex_delay),
        Directive::of("debug_connection", EVENTS, Args::Exactly(1))
            .doc(
                "Clients (an address, a network, a host name, or unix:) about whom everything is logged, \
                 whatever the levels of their error logs.",
            )
            .set(debug_connection),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::include::Reader;
    use crate::conf::registry::Registry;
    use std::path::Path;

    fn read(text: &str) -> Result<(Vec<String>, bool), String> {
        let registry = Registry::new(&[&MODULE]);
        let mut cx = Cx::new(&registry, "", "");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        let tree = Reader::new(Path::new("")).main_file(file.path());
        cx.apply_tree(&tree).map_err(|error| error.to_string())?;
        let warnings = cx.take_warnings().into_iter().map(|warning| warning.text).collect();
        let client = Address::parse("127.0.0.1:1", 0).expect("an address");
        let events = cx.conf::<Events>();
        events.check().map_err(|error| error.to_string())?;
        Ok((warnings, events.is_debugged(&client)))
    }

    #[test]
    fn a_client_of_a_named_network_is_debugged() {
        assert_eq!(read("events { debug_connection 127.0.0.0/8; }"), Ok((vec![], true)));
        assert_eq!(read("events { debug_connection localhost; }"), Ok((vec![], true)));
        assert_eq!(read("events { debug_connection ::1; debug_connection unix:; }"), Ok((vec![], false)));
        let (warnings, _) = read("events { debug_connection 127.0.0.1/8; }").expect("read");
        assert!(warnings.concat().starts_with("low address bits of 127.0.0.1/8 are meaningless in "));
    }

    #[test]
    fn the_block_is_needed_and_epoll_is_all_there_is() {
        assert_eq!(read(""), Err("no \"events\" section in configuration".into()));
        assert!(
            read("events { use epoll; accept_mutex off; }").is_ok_and(|(warnings, _)| warnings.is_empty())
        );
        assert!(read("events { accept_mutex on; }").is_ok_and(|(warnings, _)| warnings.len() == 1));
        assert!(read("events { use poll; }").is_err_and(|text| text.contains("use \"epoll\"")));
        assert!(read("events { } events { }").is_err_and(|text| text.contains("is duplicate")));
    }
}
