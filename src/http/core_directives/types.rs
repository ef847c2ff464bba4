//! `types` and `default_type`: what kind of file this is.
//!
//! *In nginx* a hash built per level of the configuration, three entries by default.
//!
//! *Here* a map that levels share by count.
//!
//! *Read next*: `output/mod.rs: set_content_type`.

use super::super::conf::CoreLocation;
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use std::collections::HashMap;
use std::rc::Rc;

/// The types known without any configuration.
pub fn builtin() -> Rc<HashMap<Vec<u8>, Slice>> {
    let list = [("html", "text/html"), ("gif", "image/gif"), ("jpg", "image/jpeg")];
    Rc::new(list.into_iter().map(|(exten, kind)| (exten.as_bytes().to_vec(), Slice::from(kind))).collect())
}

/// Sets `types {}`.
///
/// # Errors
/// A line without an extension.
pub fn set(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let conf = cx.conf::<CoreLocation>();
    let mut map = if conf.types_seen { (**conf.types).clone() } else { HashMap::new() };
    conf.types_seen = true;
    for entry in line.children() {
        let kind = Slice::copy(entry.name.bytes());
        for exten in &entry.args {
            map.insert(exten.bytes().to_ascii_lowercase(), kind.clone());
        }
    }
    conf.types.set(Rc::new(map));
    Ok(())
}
