//! MySQL and MariaDB: a query in, its rows out, as JSON or CSV.
//!
//! *In nginx* nothing; a module of others speaks through a client library of its own and had to copy nginx's
//! upstream code, because a login must come before the query.
//!
//! *Here* the login is the greeting of a new connection, the query is the request, and rows pass
//! through one at a time: neither the set nor a row nor a value is held. Values of variables go into
//! the query as quoted strings and nowhere else, so a client cannot write SQL.
//!
//! ```text
//!   greet:   hello, scramble  ◀──   ──▶ name, proof   ◀── OK        login.rs
//!   query:   SELECT a FROM t WHERE b = 'x''y'   ──▶                 query.rs
//!   reply:   columns │ row │ row │ end          ◀──                 rows.rs
//! ```
//!
//! Statements that the next request on the connection would feel (SET, USE, BEGIN…) are refused.
//!
//! *Read next*: `packet.rs`, then the three above.

mod conf;
mod login;
mod packet;
mod query;
mod rows;

pub use conf::{MODULE, MySqlLocation};

use super::{Fault, Flow, Framing, Greet, Head, Input, Out, Protocol, Relay, Request, Step};
use crate::buf::Slice;
use crate::conf::directive::Module;
use crate::util::fingerprint;
use packet::{Packets, Words};
use rows::Rows;
use std::rc::Rc;

/// What one request remembers.
#[derive(Clone, Debug)]
pub struct MySql {
    conf: Rc<MySqlLocation>,
    login: login::Login,
    packets: Packets,
    /// The packet that is being read whole.
    packet: Vec<u8>,
    rows: Rows,
}

impl Protocol for MySql {
    type Conf = MySqlLocation;
    const NAME: &'static str = "mysql";
    const DIRECTIVES: &'static Module = &MODULE;
    const PORT: u16 = 3306;
    const GREETS: bool = true;

    fn create_request(r: &mut dyn Request, conf: &Rc<MySqlLocation>, out: &mut Out) -> Result<Self, Fault> {
        let Some(query) = &*conf.query else {
            return Err(Fault::Internal("\"mysql_query\" is not defined in the location of \"mysql_pass\""));
        };
        query::write(r, query, out)?;
        Ok(MySql {
            conf: conf.clone(),
            login: login::Login::default(),
            packets: Packets::default(),
            packet: Vec::new(),
            rows: Rows::new(*conf.format),
        })
    }

    fn session(&self) -> u64 {
        fingerprint::of(&(&*self.conf.user, &*self.conf.password, &*self.conf.database))
    }

    fn greet(&mut self, input: &mut Input, out: &mut Out, head: &mut Head) -> Result<Greet, Fault> {
        while self.packets.whole(input, &mut self.packet)? {
            let packet = std::mem::take(&mut self.packet);
            let sequence = self.packets.sequence();
            if self.login.step(&self.conf, &packet, sequence, out).inspect_err(|_| note(&packet, head))? {
                self.packets = Packets::default();
                return Ok(Greet::Done);
            }
        }
        Ok(Greet::More)
    }

    fn process_header(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
        if !self.packets.whole(input, &mut self.packet)? {
            return Ok(Step::Again);
        }
        let packet = std::mem::take(&mut self.packet);
        head.keepalive = true;
        self.conf.format.announce(head);
        let mut words = Words(packet.get(1..).unwrap_or_default());
        match packet.first() {
            Some(0) => {
                let changed = words.number().zip(words.number());
                let (rows, id) = changed.ok_or(Fault::Invalid("a broken OK packet"))?;
                self.rows.changed(rows, id);
                head.status(200).length(self.rows.values.written.len() as u64);
            }
            Some(0xff) => return error(&packet, head),
            Some(0xfb) => return Err(Fault::Invalid("a request for a file")),
            _ => {
                let columns = Words(&packet).number().ok_or(Fault::Invalid("a broken number of columns"))?;
                self.rows.begin(columns)?;
                head.status(200);
            }
        }
        Ok(Step::Done)
    }

    fn input_filter_init(&mut self, head: &Head) -> Framing {
        if head.status == 200 { Framing::Module } else { Framing::Empty }
    }

    fn input_filter(&mut self, input: &mut Input, out: &mut Relay) -> Result<Flow, Fault> {
        let went = self.rows.read(&mut self.packets, input, &mut self.packet, out);
        self.rows.values.hand_on(out);
        went
    }
}

/// A refused query: what is the client's fault gets a status of its own, anything else is the server's.
fn error(packet: &[u8], head: &mut Head) -> Result<Step, Fault> {
    let (code, text) = packet::error(packet);
    let status = match code {
        // a duplicate key; a row that others refer to, or one that refers to none
        1062 | 1451 | 1452 | 1586 => 409,
        // null or nothing where a value must be; a value that does not fit
        1048 | 1264 | 1292 | 1364 | 1366 | 1367 | 1406 | 3819 | 4025 => 400,
        // denied to this user
        1044 | 1142 | 1143 | 1227 => 403,
        // a lock that was not given in time, or never could be
        1205 | 1213 => 503,
        _ => return Err(head.refuse("an error", text)),
    };
    head.notes.push(Slice::from(format!("upstream sent an error: \"{text}\"")));
    head.fields.clear();
    head.status(status).length(0);
    Ok(Step::Done)
}

/// Keeps what a refused login was about for the log.
fn note(packet: &[u8], head: &mut Head) {
    head.detail = match packet.first() {
        Some(0xff) => Slice::from(packet::error(packet).1),
        Some(0xfe) => {
            Slice::copy(packet.get(1..).unwrap_or_default().split(|b| *b == 0).next().unwrap_or_default())
        }
        _ => Slice::EMPTY,
    };
}

#[cfg(test)]
#[path = "mysql_tests.rs"]
mod mysql_tests;
