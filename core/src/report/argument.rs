//! The argument that a policy holds against a call.

use super::words::{shown, type_name};
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
        self.path.clear();
        // Lent storage may be too small: the pointer is then cut.
        let _ = json::write_pointer(doc, node, &mut self.path);
        if let Some(name) = missing {
            let _ = core::fmt::Write::write_char(&mut self.path, '/');
            let _ = json::write_token(name.chars(), &mut self.path);
        }
        let path = core::mem::take(&mut self.path);
        let pointer = self.begin().pointer(&path).end();
        self.path = path;
        let (message, received) = match missing {
            Some(name) => {
                let message = self.begin().shown(shown(name.into()));
                (message.put(" is missing, and the policy asks for it.").end(), "nothing")
            }
            None => {
                let message =
                    self.begin().put("This argument is outside of what the policy allows.");
                (message.end(), type_name(doc.at(node).kind()))
            }
        };
        let record = Record {
            keyword: Keyword::Policy,
            path: pointer,
            received,
            message,
            expected: self.begin().put("a value that the policy allows").end(),
            hint: self.begin().put(advice).end(),
            ..Record::default()
        };
        let _ = self.violations.push(record);
    }
}
