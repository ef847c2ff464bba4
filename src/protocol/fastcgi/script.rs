//! Which script a path means: `$fastcgi_script_name` and `$fastcgi_path_info`.
//!
//! *In nginx* `ngx_http_fastcgi_split` and two variables; the groups of the expression are not kept as
//! `$1`, `$2`.
//!
//! *Here* one function from path to both. The variables themselves are made where requests are known.
//!
//! ```text
//!   /dir/                     fastcgi_index index.php;                     /dir/index.php
//!   /a.php/more               fastcgi_split_path_info ^(.+\.php)(.*)$;     /a.php     /more
//! ```
//!
//! *Read next*: `conf.rs`.

use super::FastCgiLocation;
use crate::buf::Slice;

/// The script's name and what follows it in the path.
pub fn script(conf: &FastCgiLocation, path: &Slice) -> (Slice, Slice) {
    let found = conf.split_path_info.as_ref().and_then(|pattern| pattern.find(path));
    let group = |n: usize| found.as_ref().and_then(|groups| groups.get(n).cloned().flatten());
    let name = group(1).unwrap_or_else(|| if found.is_some() { Slice::EMPTY } else { path.clone() });
    let name = match name.last() {
        Some(b'/') if !conf.index.is_empty() => Slice::from([&name[..], &conf.index].concat()),
        _ => name,
    };
    (name, group(2).unwrap_or(Slice::EMPTY))
}
