//! The argument that a policy holds against a call.

use super::line::{Line, MAX_LINE};
use super::words::{Look, shown, type_name};
use super::{Record, Report, Text};
use crate::json::{self, Document};
use crate::schema::Keyword;

impl Report<'_> {
    /// Reports the value at `node`, or the member called `missing` that it lacks. What the policy
    /// wants is not told beyond `advice`.
    pub(crate) fn argument(
        &mut self,
        doc: Document<'_>,
        node: u32,
        missing: Option<&str>,
        advice: &'static str,
    ) {
        let Self { lines, side, path, .. } = self;
        path.clear();
        // Lent storage may be too small: the pointer is then cut.
        let _ = json::write_pointer(doc, node, path);
        if let Some(name) = missing {
            let _ = core::fmt::Write::write_char(path, '/');
            let _ = json::write_token(name.chars(), path);
        }
        let received = missing.map_or_else(|| type_name(doc.at(node).kind()), |_| "nothing");
        let mut line = Line::new(lines, MAX_LINE);
        let start = line.at();
        line.put(r#"{"path":""#);
        let pointer = line.pointer(path, Look::of(path), side);
        line.put(r#"","keyword":""#).bytes(Keyword::Policy.name().as_bytes());
        line.put(r#"","expected":""#);
        let mark = line.field();
        line.put("a value that the policy allows");
        let expected = line.text(mark);
        line.put(r#"","received":""#).bytes(received.as_bytes()).put(r#"","message":""#);
        let mark = line.field();
        match missing {
            Some(name) => {
                line.shown(shown(name.into())).put(" is missing, and the policy asks for it.")
            }
            None => line.put("This argument is outside of what the policy allows."),
        };
        let message = line.text(mark);
        line.put(r#"","fix_hint":""#);
        let mark = line.field();
        line.put(advice);
        let hint = line.text(mark);
        line.put(r#"","fix":null}"#);
        let mut record = Record {
            line: Text::plain(start, line.at()),
            keyword: Keyword::Policy,
            path: pointer,
            expected,
            received,
            message,
            hint,
            ..Record::default()
        };
        let len = line.len();
        lines.commit(len);
        self.keep(&mut record);
    }
}
