//! The argument that a policy holds against a call.

use super::line::Line;
use super::words::{Look, shown, type_name};
use super::{Record, Report};
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
        let Self { lines, side, path, violations, .. } = self;
        path.clear();
        // Lent storage may be too small: the pointer is then cut.
        let _ = json::write_pointer(doc, node, path);
        if let Some(name) = missing {
            let _ = core::fmt::Write::write_char(path, '/');
            let _ = json::write_token(name.chars(), path);
        }
        let received = missing.map_or_else(|| type_name(doc.at(node).kind()), |_| "nothing");
        let place = (&**path, Look::of(path));
        let (mut line, path) = Line::begin(lines, side, Keyword::Policy, place);
        line.put(r#"","expected":""#);
        let mark = line.field();
        line.put("a value that the policy allows");
        let expected = line.text(mark, side);
        line.put(r#"","received":""#).bytes(received.as_bytes()).put(r#"","message":""#);
        let mark = line.field();
        match missing {
            Some(name) => {
                line.shown(shown(name.into())).put(" is missing, and the policy asks for it.")
            }
            None => line.put("This argument is outside of what the policy allows."),
        };
        let message = line.text(mark, side);
        line.put(r#"","fix_hint":""#);
        let mark = line.field();
        line.put(advice);
        let hint = line.text(mark, side);
        line.put(r#"","fix":null}"#);
        let (len, end) = (line.len(), line.at());
        let record = Record {
            keyword: Keyword::Policy,
            end,
            path,
            expected,
            received,
            message,
            hint,
            ..Record::default()
        };
        lines.commit(len);
        let _ = violations.push(record);
    }
}
