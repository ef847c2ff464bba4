//! The login: a name, and a proof that the password is known.
//!
//! *In nginx* nothing.
//!
//! *Here* two proofs. `mysql_native_password`, and the short way of `caching_sha2_password`, which
//! works while the server remembers the user. Its long way would send the password itself, which needs
//! TLS or a key exchange; that is refused, and the log says so. A server may ask for another proof than
//! it announced.
//!
//! ```text
//!   ◀── 10 version scramble … plugin        ──▶ capabilities name proof database plugin
//!   ◀── FE plugin scramble (another one)    ──▶ proof
//!   ◀── 01 03 (known)   00 OK               done
//! ```
//!
//! *Read next*: `query.rs`.

use super::MySqlLocation;
use super::packet::Words;
use crate::protocol::{Fault, Out};
use sha1::{Digest, Sha1};
use sha2::Sha256;

const NATIVE: &[u8] = b"mysql_native_password";
const SHA2: &[u8] = b"caching_sha2_password";

/// LONG_PASSWORD, LONG_FLAG, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH: no more than is used.
const CAPABILITIES: u32 = 1 | 4 | 0x200 | 0x2000 | 0x8000 | 0x8_0000;
const CONNECT_WITH_DB: u32 = 8;
/// utf8mb4, so that what is valid UTF-8 is valid text.
const CHARSET: u8 = 45;
const SCRAMBLE: usize = 20;

/// How far a login is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Login {
    /// The server has not said hello.
    #[default]
    Silent,
    /// It has been told who we are.
    Asked,
}

impl Login {
    /// Answers a packet; true when the server is content.
    ///
    /// # Errors
    /// `Invalid`: it is not, or wants what we do not have.
    pub fn step(
        &mut self,
        conf: &MySqlLocation,
        packet: &[u8],
        seq: u8,
        out: &mut Out,
    ) -> Result<bool, Fault> {
        let answer = match (*self, packet.first()) {
            (_, Some(0xff)) => return Err(Fault::Invalid("an error to the login")),
            (Login::Silent, Some(10)) => {
                *self = Login::Asked;
                hello(conf, packet).ok_or(Fault::Invalid("a broken greeting"))?
            }
            (Login::Silent, _) => return Err(Fault::Invalid("a greeting of an unknown version")),
            (Login::Asked, Some(0)) => return Ok(true),
            (Login::Asked, Some(0xfe)) => another(conf, packet)?,
            (Login::Asked, Some(1)) if packet == [1, 3] => return Ok(false),
            (Login::Asked, Some(1)) => {
                let text =
                    "a wish for full authentication of \"caching_sha2_password\", which would need TLS";
                return Err(Fault::Invalid(text));
            }
            _ => return Err(Fault::Invalid("an unknown answer to the login")),
        };
        // Far below 64 KB: a name, a database, a proof.
        let length = u16::try_from(answer.len()).map_err(|_| Fault::Internal("the login is too long"))?;
        let [low, high] = length.to_le_bytes();
        out.write_all(&[&[low, high, 0, seq.wrapping_add(1)], &answer]);
        Ok(false)
    }
}

/// The answer to the server's first packet.
fn hello(conf: &MySqlLocation, packet: &[u8]) -> Option<Vec<u8>> {
    let mut words = Words(packet.get(1..)?);
    words.text();
    words.bytes(4)?;
    let mut scramble = words.bytes(8)?.to_vec();
    // A filler, capabilities (4), character set and status around them, a length, and ten bytes of nothing.
    words.bytes(1 + 2 + 1 + 2 + 2 + 1 + 10)?;
    scramble.extend_from_slice(words.bytes(SCRAMBLE - 8)?);
    words.bytes(1)?;
    let plugin = if words.text() == SHA2 { SHA2 } else { NATIVE };
    let database = &conf.database;
    let with_database = if database.is_empty() { 0 } else { CONNECT_WITH_DB };
    let mut answer = (CAPABILITIES | with_database).to_le_bytes().to_vec();
    answer.extend_from_slice(&0x100_0000u32.to_le_bytes());
    answer.push(CHARSET);
    answer.extend_from_slice(&[0; 23]);
    answer.extend_from_slice(&conf.user);
    answer.push(0);
    let proof = proof(plugin, &conf.password, &scramble);
    answer.push(u8::try_from(proof.len()).ok()?);
    answer.extend_from_slice(&proof);
    if !database.is_empty() {
        answer.extend_from_slice(database);
        answer.push(0);
    }
    answer.extend_from_slice(plugin);
    answer.push(0);
    Some(answer)
}

/// The answer to a server that wants another proof.
fn another(conf: &MySqlLocation, packet: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut words = Words(packet.get(1..).unwrap_or_default());
    let plugin = words.text();
    if plugin != NATIVE && plugin != SHA2 {
        return Err(Fault::Invalid("a wish for an unsupported authentication"));
    }
    let scramble = words.bytes(SCRAMBLE).ok_or(Fault::Invalid("a broken wish for another authentication"))?;
    Ok(proof(plugin, &conf.password, scramble))
}

/// What shows that the password is known; nothing for an empty one.
fn proof(plugin: &[u8], password: &[u8], scramble: &[u8]) -> Vec<u8> {
    if password.is_empty() {
        return Vec::new();
    }
    if plugin == SHA2 {
        let once = Sha256::digest(password);
        let mask = Sha256::digest([&Sha256::digest(once)[..], scramble].concat());
        return xor(&once, &mask);
    }
    let once = Sha1::digest(password);
    let mask = Sha1::digest([scramble, &Sha1::digest(once)].concat());
    xor(&once, &mask)
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}
