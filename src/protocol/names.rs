//! The names of reply fields that mean something here.
//!
//! *In nginx* a hash table from lower-case names to handlers (`ngx_http_upstream_headers_in`), and another
//! one for the names that are hidden; each field is hashed once and looked up in both.
//!
//! *Here* a name becomes a number when its line is read, and from then on every question about it is a bit:
//! whether it ends at this hop, whether it is hidden, whether a reply has it at all ([`Set`]).
//!
//! *Read next*: `parse/names.rs`, how a name is found; `head.rs`, where fields carry their number.

use crate::parse::names::{Names, Table};

macro_rules! names {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// A name of a reply's field.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum Name {
            /// None of those below.
            #[default]
            Other,
            $(#[doc = concat!("`", $name, "`")] $variant),*
        }

        /// All of them.
        const ALL: &[(Name, &str)] = &[$((Name::$variant, $name)),*];

        impl Name {
            /// The name as it is usually spelled; nothing for other ones.
            pub const fn text(self) -> &'static str {
                match self {
                    Name::Other => "",
                    $(Name::$variant => $name),*
                }
            }
        }
    };
}

names! {
    AcceptRanges = "Accept-Ranges",
    CacheControl = "Cache-Control",
    Connection = "Connection",
    ContentDisposition = "Content-Disposition",
    ContentLength = "Content-Length",
    ContentType = "Content-Type",
    Date = "Date",
    Expires = "Expires",
    KeepAlive = "Keep-Alive",
    LastModified = "Last-Modified",
    Location = "Location",
    ProxyConnection = "Proxy-Connection",
    Refresh = "Refresh",
    Server = "Server",
    SetCookie = "Set-Cookie",
    Te = "TE",
    TransferEncoding = "Transfer-Encoding",
    Upgrade = "Upgrade",
    Vary = "Vary",
    WwwAuthenticate = "WWW-Authenticate",
    XAccelBuffering = "X-Accel-Buffering",
    XAccelCharset = "X-Accel-Charset",
    XAccelExpires = "X-Accel-Expires",
    XAccelLimitRate = "X-Accel-Limit-Rate",
    XAccelRedirect = "X-Accel-Redirect",
    XPad = "X-Pad",
}

static TABLE: Table<Name> = Table::of(ALL, Name::Other);

impl Names for Name {
    const OTHER: Name = Name::Other;

    fn table() -> &'static Table<Name> {
        &TABLE
    }
}

impl Name {
    /// The number of a name, in any case of letters.
    pub fn of(name: &[u8]) -> Name {
        TABLE.find(name).unwrap_or(Name::Other)
    }
}

/// Some of the names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Set(u64);

impl Set {
    /// These.
    pub const fn of(names: &[Name]) -> Set {
        let mut set = 0;
        let mut rest = names;
        while let [name, tail @ ..] = rest {
            set |= 1 << *name as u32;
            rest = tail;
        }
        Set(set)
    }

    /// Whether a name is among them.
    pub const fn has(self, name: Name) -> bool {
        self.0 >> name as u32 & 1 != 0
    }

    /// Whether the two have a name in common.
    pub const fn meets(self, other: Set) -> bool {
        self.0 & other.0 != 0
    }

    /// Takes a name in.
    pub fn add(&mut self, name: Name) {
        self.0 |= 1 << name as u32;
    }

    /// Leaves a name out.
    pub fn remove(&mut self, name: Name) {
        self.0 &= !(1 << name as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case() {
        let names = [
            (&b"content-TYPE"[..], Name::ContentType),
            (b"X-Accel-Buffering", Name::XAccelBuffering),
            (b"x-accel-limit-rate", Name::XAccelLimitRate),
            (b"te", Name::Te),
            (b"X-Accel-Buxxering", Name::Other),
            (b"X-AccelxBuffering", Name::Other),
            (b"", Name::Other),
            (b"Content-Typo", Name::Other),
            (b"Proxy-Connection", Name::ProxyConnection),
        ];
        for (name, number) in names {
            assert_eq!(Name::of(name), number, "{}", name.escape_ascii());
        }
        assert_eq!(Name::of(Name::WwwAuthenticate.text().as_bytes()), Name::WwwAuthenticate);
        assert_eq!(Name::of(b"Content\rType"), Name::Other);
        let mut set = Set::of(&[Name::Date, Name::Server]);
        set.remove(Name::Date);
        assert!(set.has(Name::Server) && !set.has(Name::Date) && !set.meets(Set::of(&[Name::Date])));
    }
}
