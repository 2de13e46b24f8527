//! Reading a [`Tree`] with errors that say where.
//!
//! An [`Item`] is a value and its path. Every table is read through a list of the keys that it may
//! have: any other key is an error before a value is looked at, so nothing in a policy is skipped.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::error::PolicyError;
use super::keys::Keys;
use super::tree::{Member, Span, Tree, Value};

/// Most entries of one list.
const MAX_LIST: usize = 4096;

/// A value of the document and where it is.
#[derive(Clone, Debug)]
pub(super) struct Item<'t> {
    path: String,
    tree: &'t Tree,
}

/// A table all of whose keys are known.
#[derive(Debug)]
pub(super) struct Table<'t> {
    item: Item<'t>,
    members: &'t [Member],
}

impl<'t> Item<'t> {
    pub fn root(tree: &'t Tree) -> Self {
        Self { path: String::new(), tree }
    }

    pub fn span(&self) -> Span {
        self.tree.span
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn error(&self, message: impl Into<String>) -> PolicyError {
        PolicyError::new(self.tree.span, &self.path, message)
    }

    pub fn mismatch(&self, wanted: &str) -> PolicyError {
        self.error(format!("must be {wanted}, not {}", self.tree.value.describe()))
    }

    pub fn text(&self) -> Result<&'t str, PolicyError> {
        match &self.tree.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.mismatch("a string")),
        }
    }

    pub fn boolean(&self) -> Result<bool, PolicyError> {
        match &self.tree.value {
            Value::Bool(value) => Ok(*value),
            _ => Err(self.mismatch("true or false")),
        }
    }

    /// A whole number above zero.
    pub fn count(&self) -> Result<u64, PolicyError> {
        match &self.tree.value {
            Value::Integer(value) => u64::try_from(*value)
                .ok()
                .filter(|count| *count > 0)
                .ok_or_else(|| self.error(format!("must be above 0, not {value}"))),
            _ => Err(self.mismatch("a whole number")),
        }
    }

    /// A whole number, zero included.
    pub fn whole(&self) -> Result<u64, PolicyError> {
        match &self.tree.value {
            Value::Integer(value) => {
                u64::try_from(*value).map_err(|_| self.error("must not be below 0"))
            }
            _ => Err(self.mismatch("a whole number")),
        }
    }

    /// One of a few words.
    pub fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, PolicyError> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let names = words.iter().map(|(word, _)| *word);
            self.error(format!("`{text}` is not known here")).with_nearest(text, names)
        })
    }

    pub fn is_table(&self) -> bool {
        matches!(self.tree.value, Value::Table(_))
    }

    pub fn is_list(&self) -> bool {
        matches!(self.tree.value, Value::Array(_))
    }

    pub fn value(&self) -> &'t Value {
        &self.tree.value
    }

    pub fn elements(&self) -> Result<Vec<Item<'t>>, PolicyError> {
        let Value::Array(elements) = &self.tree.value else {
            return Err(self.mismatch("a list"));
        };
        if elements.len() > MAX_LIST {
            return Err(self.error(format!("a list has at most {MAX_LIST} entries")));
        }
        let element = |(index, tree)| Item { path: format!("{}[{index}]", self.path), tree };
        Ok(elements.iter().enumerate().map(element).collect())
    }

    /// A list of strings, or one string for a list of one.
    pub fn texts(&self) -> Result<Vec<Item<'t>>, PolicyError> {
        let items = match &self.tree.value {
            Value::Text(_) => return Ok(Vec::from([self.clone()])),
            Value::Array(_) => self.elements()?,
            _ => return Err(self.mismatch("a string or a list of strings")),
        };
        items.iter().try_for_each(|item| item.text().map(drop))?;
        Ok(items)
    }

    /// [`texts`](Self::texts), at least one: an empty list of subjects names nobody, and whether
    /// its author meant nobody or everybody cannot be told.
    pub fn some_texts(&self) -> Result<Vec<Item<'t>>, PolicyError> {
        let items = self.texts()?;
        if items.is_empty() {
            return Err(self.error("an empty list").with_hint("leave the key out to mean all"));
        }
        Ok(items)
    }

    /// A table with any keys, in the order of the document.
    pub fn entries(&self) -> Result<Vec<(&'t Member, Item<'t>)>, PolicyError> {
        let mut members: Vec<&Member> = self.members()?.iter().collect();
        members.sort_by_key(|member| member.span.start);
        let entry = |member: &'t Member| (member, self.child(member));
        Ok(members.into_iter().map(entry).collect())
    }

    /// A table that has none but these keys, none of them twice.
    pub fn table(self, keys: &Keys) -> Result<Table<'t>, PolicyError> {
        let members = self.members()?;
        for member in members {
            self.check_key(member, keys)?;
        }
        Ok(Table { item: self, members })
    }

    fn members(&self) -> Result<&'t [Member], PolicyError> {
        let Value::Table(members) = &self.tree.value else {
            return Err(self.mismatch("a table"));
        };
        let mut names: Vec<(&str, Span)> = members.iter().map(|m| (&*m.name, m.span)).collect();
        names.sort_by_key(|(name, span)| (*name, span.start));
        match names.windows(2).find(|pair| matches!(pair, [(a, _), (b, _)] if a == b)) {
            Some([_, (name, span)]) => {
                let path = self.key_path(name);
                Err(PolicyError::new(*span, &path, "this key occurs twice"))
            }
            _ => Ok(members),
        }
    }

    fn check_key(&self, member: &Member, keys: &Keys) -> Result<(), PolicyError> {
        let name = &*member.name;
        if keys.known.contains(&name) {
            return Ok(());
        }
        let error = |message| PolicyError::new(member.span, &self.key_path(name), message);
        Err(match keys.later.iter().find(|(later, _)| *later == name) {
            Some((_, what)) => error(format!(
                "this version does not support {what}, and a policy is honoured whole or not at all"
            )),
            None => error("unknown key".to_owned()).with_nearest(name, keys.known.iter().copied()),
        })
    }

    fn child(&self, member: &'t Member) -> Item<'t> {
        Item { path: self.key_path(&member.name), tree: &member.value }
    }

    fn key_path(&self, name: &str) -> String {
        let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let separator = if self.path.is_empty() { "" } else { "." };
        if !name.is_empty() && name.chars().all(bare) {
            format!("{}{separator}{name}", self.path)
        } else {
            format!("{}{separator}{name:?}", self.path)
        }
    }
}

impl<'t> Table<'t> {
    pub fn get(&self, name: &str) -> Option<Item<'t>> {
        let member = self.members.iter().find(|member| member.name == name)?;
        Some(self.item.child(member))
    }

    pub fn require(&self, name: &str) -> Result<Item<'t>, PolicyError> {
        self.get(name).ok_or_else(|| self.item.error(format!("the key `{name}` is missing")))
    }

    /// Reads the value of `name` with `read`, when it is there.
    pub fn read<T>(
        &self,
        name: &str,
        read: impl FnOnce(&Item<'t>) -> Result<T, PolicyError>,
    ) -> Result<Option<T>, PolicyError> {
        self.get(name).map(|item| read(&item)).transpose()
    }

    pub fn span(&self) -> Span {
        self.item.span()
    }
}
