//! What a limit said of a request.
//!
//! *In nginx* `limit_req_status` and `limit_conn_status` in the request itself, beside the flags of the core.
//!
//! *Here* likewise: the main request keeps the word, so that a limit counts it once however often it
//! passes the phases, and the variables `$limit_req_status` and `$limit_conn_status` show it.
//!
//! *Read next*: `modules/limits/mod.rs`.

use crate::buf::Slice;

/// What a limit came to; kept in the main request, since it counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// No limit applied.
    #[default]
    None,
    /// Within the limit.
    Passed,
    /// Has to wait.
    Delayed,
    /// Refused.
    Rejected,
    /// Would have had to wait.
    DelayedDryRun,
    /// Would have been refused.
    RejectedDryRun,
}

impl Verdict {
    /// The value of the status variable.
    pub fn word(self) -> Option<Slice> {
        let word = match self {
            Verdict::None => return None,
            Verdict::Passed => "PASSED",
            Verdict::Delayed => "DELAYED",
            Verdict::Rejected => "REJECTED",
            Verdict::DelayedDryRun => "DELAYED_DRY_RUN",
            Verdict::RejectedDryRun => "REJECTED_DRY_RUN",
        };
        Some(word.into())
    }
}
