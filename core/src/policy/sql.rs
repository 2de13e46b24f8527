//! Conditions on SQL.
//!
//! The core reads no SQL: a host that can hands over an [`Sql`] when it compiles a policy, and what that
//! says of a text is judged here. A text means what a database makes of it, so that without a named
//! dialect it is read in several and every reading counts; what cannot be read in one of them is
//! unknown. Worst case: that of the reader, once for each dialect and each value that is SQL, which
//! allocates.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::rule::List;
use super::text::{Pool, Text};
use super::truth::{Side, Truth};

/// What a statement does, in the words of conditions.
pub(super) const VERBS: [&str; 56] = [
    "alter",
    "analyze",
    "attach",
    "begin",
    "cache",
    "call",
    "close",
    "comment",
    "commit",
    "copy",
    "create",
    "deallocate",
    "declare",
    "delete",
    "deny",
    "describe",
    "detach",
    "discard",
    "do",
    "drop",
    "execute",
    "explain",
    "export",
    "fetch",
    "flush",
    "grant",
    "import",
    "insert",
    "install",
    "kill",
    "listen",
    "load",
    "lock",
    "merge",
    "notify",
    "optimize",
    "pragma",
    "prepare",
    "put",
    "release",
    "remove",
    "rename",
    "replace",
    "reset",
    "revoke",
    "rollback",
    "savepoint",
    "select",
    "set",
    "show",
    "truncate",
    "unload",
    "unlock",
    "update",
    "use",
    "vacuum",
];

/// Who can read SQL.
pub trait Sql: fmt::Debug + Send + Sync {
    /// Whether there is a dialect of this name.
    fn knows(&self, dialect: &str) -> bool;

    /// The dialects that a text must be readable in when a condition names none: those between which
    /// one text can mean different things.
    fn common(&self) -> &[&str];

    /// What `text` says in a dialect; `None` when it cannot be read whole. What takes no more than its
    /// share of time and stack is the reader's care.
    fn read(&self, dialect: &str, text: &str) -> Option<SqlText>;
}

/// What a text of SQL says.
#[derive(Clone, Debug, Default)]
pub struct SqlText {
    /// How many statements it has.
    pub statements: usize,
    /// What they do, and what parts of them do: `select`, `insert`, `drop`, in lower case.
    pub verbs: Vec<String>,
    /// Every table that is named.
    pub tables: Vec<SqlTable>,
    /// Whether those are all: there are statements whose tables the reader does not know.
    pub all_tables: bool,
    /// Whether it has comments.
    pub comments: bool,
}

/// A table as a text names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlTable {
    /// Its name; parts like that of a schema come before, with dots between them.
    pub name: String,
    /// A part is quoted, so that the case of its letters may count.
    pub quoted: bool,
}

/// What a text of SQL must satisfy; `None` is anything.
#[derive(Clone, Debug, Default)]
pub(super) struct SqlTest {
    pub dialect: Option<Text>,
    pub verbs: Option<List>,
    pub verbs_only: Option<List>,
    pub single: Option<bool>,
    pub tables_any: Option<List>,
    pub tables_only: Option<List>,
    pub comments: Option<bool>,
}

impl SqlTest {
    /// Judges `text` in every dialect that counts.
    pub fn holds(
        &self,
        text: &str,
        reader: Option<&Arc<dyn Sql>>,
        texts: &[Text],
        pool: &Pool,
        side: Side,
    ) -> Truth {
        let Some(reader) = reader else { return Truth::Unknown };
        let judge = |dialect: &str| match reader.read(dialect, text) {
            Some(found) if found.statements > 0 => self.judge(&found, texts, pool, side),
            _ => Truth::Unknown,
        };
        match self.dialect {
            Some(dialect) => judge(pool.get(dialect)),
            None => {
                let readings = reader.common().iter().map(|dialect| judge(dialect));
                readings.reduce(|all, one| side.join(all, one)).unwrap_or(Truth::Unknown)
            }
        }
    }

    fn judge(&self, found: &SqlText, texts: &[Text], pool: &Pool, side: Side) -> Truth {
        let listed = |list: List, verb: &str| {
            list.of(texts).iter().any(|text| pool.get(*text).eq_ignore_ascii_case(verb))
        };
        let is = |list: List, table: &SqlTable| {
            list.of(texts).iter().any(|text| same_table(table, pool.get(*text), side))
        };
        let mut truth = Truth::True;
        if let Some(list) = self.verbs {
            truth = truth.min(found.verbs.iter().any(|verb| listed(list, verb)).into());
        }
        if let Some(list) = self.verbs_only {
            truth = truth.min(found.verbs.iter().all(|verb| listed(list, verb)).into());
        }
        if let Some(single) = self.single {
            truth = truth.min(((found.statements == 1) == single).into());
        }
        if let Some(comments) = self.comments {
            truth = truth.min((found.comments == comments).into());
        }
        // A table that was not seen may be in the list, or outside of it.
        if let Some(list) = self.tables_any {
            let any = found.tables.iter().any(|table| is(list, table));
            let seen = any || found.all_tables;
            truth = truth.min(if seen { any.into() } else { Truth::Unknown });
        }
        if let Some(list) = self.tables_only {
            let only = found.tables.iter().all(|table| is(list, table));
            let seen = !only || found.all_tables;
            truth = truth.min(if seen { only.into() } else { Truth::Unknown });
        }
        truth
    }
}

/// Whether `wanted` is this table. To admit, it must be written so, schema included; to refuse it is
/// enough that it may be.
fn same_table(table: &SqlTable, wanted: &str, side: Side) -> bool {
    let SqlTable { name, quoted } = table;
    match side {
        Side::Admit if *quoted => name == wanted,
        Side::Admit => name.eq_ignore_ascii_case(wanted),
        Side::Refuse => ends_with_name(name, wanted) || ends_with_name(wanted, name),
    }
}

/// Whether `long` is `short`, or `short` in a schema.
fn ends_with_name(long: &str, short: &str) -> bool {
    let split = long.len().checked_sub(short.len()).and_then(|at| long.split_at_checked(at));
    split.is_some_and(|(head, tail)| {
        (head.is_empty() || head.ends_with('.')) && tail.eq_ignore_ascii_case(short)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_admitted_as_written_and_refused_as_it_may_be_meant() {
        let table = |name: &str, quoted| SqlTable { name: name.into(), quoted };
        for (name, quoted, wanted, admits, refuses) in [
            ("orders", false, "orders", true, true),
            ("orders", false, "Orders", true, true),
            ("Orders", true, "orders", false, true),
            ("crm.orders", false, "orders", false, true),
            ("orders", false, "crm.orders", false, true),
            ("crm.orders", false, "crm.orders", true, true),
            ("preorders", false, "orders", false, false),
            ("orders", false, "", false, false),
        ] {
            let table = table(name, quoted);
            assert_eq!(same_table(&table, wanted, Side::Admit), admits, "{name} {wanted}");
            assert_eq!(same_table(&table, wanted, Side::Refuse), refuses, "{name} {wanted}");
        }
    }
}
