//! The names of request fields that mean something to the server.
//!
//! *In nginx* the table `ngx_http_headers_in`: a handler for each.
//!
//! *Here* a list, numbered, and which of them a request must not have two of. What they mean is the business
//! of those who ask for them; that they are numbers is what makes asking cheap: the fields of a head leave a
//! set of bits behind, and "is there a Range?" is one of them.
//!
//! *Read next*: `names.rs`, how a name is found; `http/headers.rs`, where fields carry their number.

use super::names::{Names, Table};

macro_rules! known {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// Request fields that the server itself looks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Known { Other, $($(#[$doc])* $variant),* }

        /// All that there are, with their names.
        const NAMES: &[(Known, &str)] = &[$((Known::$variant, $name)),*];
    };
}

known! {
    Host = "Host",
    Connection = "Connection",
    UserAgent = "User-Agent",
    Accept = "Accept",
    AcceptEncoding = "Accept-Encoding",
    Cookie = "Cookie",
    Referer = "Referer",
    ContentLength = "Content-Length",
    ContentType = "Content-Type",
    ContentRange = "Content-Range",
    TransferEncoding = "Transfer-Encoding",
    Te = "TE",
    Expect = "Expect",
    Upgrade = "Upgrade",
    KeepAlive = "Keep-Alive",
    Range = "Range",
    IfRange = "If-Range",
    IfModifiedSince = "If-Modified-Since",
    IfUnmodifiedSince = "If-Unmodified-Since",
    IfMatch = "If-Match",
    IfNoneMatch = "If-None-Match",
    Authorization = "Authorization",
    XForwardedFor = "X-Forwarded-For",
    Via = "Via",
    Trailer = "Trailer",
}

static TABLE: Table<Known> = Table::of(NAMES, Known::Other);

impl Names for Known {
    const OTHER: Known = Known::Other;

    fn table() -> &'static Table<Known> {
        &TABLE
    }
}

impl Known {
    /// The number of a name, compared without regard to case.
    pub fn of(name: &[u8]) -> Known {
        TABLE.find(name).unwrap_or(Known::Other)
    }

    /// A bit of its own; none for [`Known::Other`].
    pub const fn bit(self) -> u32 {
        (1 << self as u8) & !1
    }

    /// Whether a field of this name is not among those withheld, which are the known ones of these bits and
    /// others that are asked about one by one.
    #[inline]
    pub fn is_passed(self, withheld: u32, passes_other: impl FnOnce() -> bool) -> bool {
        match self {
            Known::Other => passes_other(),
            known => withheld & known.bit() == 0,
        }
    }

    /// The bits of those of which a request must not have two (nginx: `ngx_http_process_unique_header_line`
    /// and `ngx_http_process_host`).
    pub const ONCE: u32 = {
        use Known::*;
        Host.bit()
            | ContentLength.bit()
            | TransferEncoding.bit()
            | ContentRange.bit()
            | Expect.bit()
            | Authorization.bit()
            | IfModifiedSince.bit()
            | IfUnmodifiedSince.bit()
            | IfMatch.bit()
            | IfNoneMatch.bit()
            | IfRange.bit()
    };
}
