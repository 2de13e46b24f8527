//! SQL for the conditions of policies, read by `sqlparser`.
//!
//! A text is tokens first, and refused by their number before it is parsed: long chains of operators
//! become deep trees. Reading recurses, with frames so large that the stack of the caller is not risked:
//! a thread of its own has enough. Then every statement is walked for what it does and for the
//! tables that it names. What this walk may not see whole (statements other than queries and changes of
//! rows, tables that functions make) is said to be incomplete. What a function that a statement calls
//! does is not seen. Worst case: [`MAX_TEXT`] bytes and [`MAX_WEIGHT`] tokens in the time that
//! `sqlparser` takes for them, once for each dialect.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::thread;

use airlock_core::policy::{Sql, SqlTable, SqlText};
use sqlparser::ast::{
    Cte, Ident, ObjectName, ObjectNamePart, Query, Select, SetExpr, Statement, TableFactor,
    TableObject, Visit, Visitor,
};
use sqlparser::dialect::dialect_from_str;
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

/// Longest text that is read, in bytes.
const MAX_TEXT: usize = 64 << 10;
/// Most tokens that may deepen the tree: all but names, literals and what stands between them.
const MAX_WEIGHT: usize = 400;
/// The stack of the thread that reads; the system gives it what is used.
const STACK: usize = 64 << 20;
/// Deepest nesting of parentheses and the like.
const MAX_DEPTH: usize = 24;

/// Between these one text can mean different things: quotes, backslashes and comments end elsewhere.
const COMMON: [&str; 3] = ["generic", "postgres", "mysql"];
/// Those that can be named.
const DIALECTS: [&str; 14] = [
    "ansi",
    "bigquery",
    "clickhouse",
    "databricks",
    "duckdb",
    "generic",
    "hive",
    "mssql",
    "mysql",
    "oracle",
    "postgres",
    "redshift",
    "snowflake",
    "sqlite",
];

/// Reads SQL with `sqlparser`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SqlParser;

impl Sql for SqlParser {
    fn knows(&self, dialect: &str) -> bool {
        DIALECTS.contains(&dialect)
    }

    fn common(&self) -> &[&str] {
        &COMMON
    }

    fn read(&self, dialect: &str, text: &str) -> Option<SqlText> {
        // MySQL and MariaDB run what stands in such a comment.
        if text.len() > MAX_TEXT || text.contains("/*!") || text.contains("/*M!") {
            return None;
        }
        let tokens = Tokenizer::new(&*dialect_from_str(dialect)?, text).tokenize().ok()?;
        if tokens.iter().filter(|token| deepens(token)).count() > MAX_WEIGHT {
            return None;
        }
        thread::scope(|scope| {
            let reader = thread::Builder::new().stack_size(STACK);
            reader.spawn_scoped(scope, move || read(dialect, tokens)).ok()?.join().ok()?
        })
    }
}

/// Reads the tokens of a text.
fn read(dialect: &str, tokens: Vec<Token>) -> Option<SqlText> {
    let dialect = &*dialect_from_str(dialect)?;
    let comments = tokens.iter().any(|token| {
        let comment = |space: &Whitespace| {
            matches!(space, Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_))
        };
        matches!(token, Token::Whitespace(space) if comment(space))
    });
    let mut parser = Parser::new(dialect).with_recursion_limit(MAX_DEPTH).with_tokens(tokens);
    let statements = parser.parse_statements().ok()?;
    let mut reader = Reader { all_tables: true, ..Reader::default() };
    for statement in &statements {
        // The reader never breaks off.
        let _ = statement.visit(&mut reader);
    }
    Some(SqlText {
        statements: statements.len(),
        verbs: reader.verbs.into_iter().collect(),
        tables: reader.tables,
        all_tables: reader.all_tables,
        comments,
    })
}

/// Whether a tree can become deeper by this token.
fn deepens(token: &Token) -> bool {
    match token {
        Token::Whitespace(_) | Token::Comma | Token::SemiColon | Token::Number(..) => false,
        Token::SingleQuotedString(_) | Token::DoubleQuotedString(_) => false,
        Token::Word(word) => word.keyword != Keyword::NoKeyword,
        _ => true,
    }
}

/// Gathers what statements do and which tables they name.
#[derive(Default)]
struct Reader {
    verbs: BTreeSet<String>,
    tables: Vec<SqlTable>,
    all_tables: bool,
    /// Names that mean a part of the query in whose body we are.
    scopes: Vec<Vec<Ident>>,
}

impl Visitor for Reader {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        match statement {
            Statement::Query(query) if changes_rows(&query.body) => {}
            Statement::Query(_) => self.verb("select"),
            Statement::Insert(insert) => {
                self.verb("insert");
                if insert.replace_into {
                    self.verb("replace");
                }
                if !matches!(insert.table, TableObject::TableName(_)) {
                    self.all_tables = false;
                }
            }
            Statement::Update(_) => self.verb("update"),
            Statement::Delete(_) => self.verb("delete"),
            Statement::Explain { .. } => self.verb("explain"),
            other => {
                let text = other.to_string();
                let word = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or("");
                self.verb(match word.to_ascii_lowercase().as_str() {
                    "desc" => "describe",
                    "exec" => "execute",
                    "start" => "begin",
                    word => word,
                });
                self.all_tables = false;
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.scopes.push(parts_of(query));
        if names_table_by_text(&query.body) {
            self.all_tables = false;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if select.into.is_some() {
            self.verb("create");
            self.all_tables = false;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let seen = matches!(
            factor,
            TableFactor::Table { .. }
                | TableFactor::Derived { .. }
                | TableFactor::NestedJoin { .. }
                | TableFactor::UNNEST { .. }
        );
        self.all_tables &= seen;
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let part = alone(relation);
        if !part.is_some_and(|name| self.scopes.iter().flatten().any(|part| part == name)) {
            let table = table(relation);
            self.all_tables &= table.is_some();
            self.tables.extend(table);
        }
        ControlFlow::Continue(())
    }
}

impl Reader {
    fn verb(&mut self, verb: &str) {
        self.verbs.insert(verb.to_owned());
    }
}

/// Whether a query is a change of rows behind its `WITH`, which is a statement of its own.
fn changes_rows(body: &SetExpr) -> bool {
    matches!(body, SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_))
}

/// `TABLE name` is a query whose table is no relation of the tree.
fn names_table_by_text(body: &SetExpr) -> bool {
    match body {
        SetExpr::Table(_) => true,
        SetExpr::SetOperation { left, right, .. } => {
            names_table_by_text(left) || names_table_by_text(right)
        }
        _ => false,
    }
}

/// The names that `WITH` gives to parts of the query, without those that may be tables all the same: in
/// its own definition and in those before it a name means what it means outside.
fn parts_of(query: &Query) -> Vec<Ident> {
    let Some(with) = &query.with else { return Vec::new() };
    let mut used: Vec<Ident> = Vec::new();
    let mut parts = Vec::new();
    for Cte { alias, query, .. } in &with.cte_tables {
        let mut names = Names::default();
        let _ = query.visit(&mut names);
        used.extend(names.0);
        let same = |name: &Ident| name.value.eq_ignore_ascii_case(&alias.name.value);
        if !used.iter().any(same) {
            parts.push(alias.name.clone());
        }
    }
    parts
}

/// Every relation that is named without a schema.
#[derive(Default)]
struct Names(Vec<Ident>);

impl Visitor for Names {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.0.extend(alone(relation).cloned());
        ControlFlow::Continue(())
    }
}

fn alone(relation: &ObjectName) -> Option<&Ident> {
    match relation.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => Some(name),
        _ => None,
    }
}

/// The table that a relation names; none when a function makes a part of its name.
fn table(relation: &ObjectName) -> Option<SqlTable> {
    let mut name = String::new();
    let mut quoted = false;
    for part in &relation.0 {
        let ObjectNamePart::Identifier(part) = part else { return None };
        if !name.is_empty() {
            name.push('.');
        }
        quoted |= part.quote_style.is_some();
        match part.quote_style {
            Some(_) => name.push_str(&part.value),
            None => name.push_str(&part.value.to_lowercase()),
        }
    }
    Some(SqlTable { name, quoted })
}
