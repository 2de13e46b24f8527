//! The names that a schema declares, as ids.
//!
//! Compiling gives each name an id ([`Interner`]). A check looks each key of the document up once
//! ([`Names`]) and from then on compares integers ([`find_named`]).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::compile::decoded;
use crate::json::{self, Digest, Str};

/// Gives each name an id.
#[derive(Debug, Default)]
pub(super) struct Interner {
    ids: HashMap<String, u32>,
    names: Vec<String>,
}

impl Interner {
    pub(super) fn id(&mut self, name: Str<'_>) -> u32 {
        let name = decoded(name);
        if let Some(&id) = self.ids.get(&name) {
            return id;
        }
        let id = self.names.len() as u32;
        self.names.push(name.clone());
        self.ids.insert(name, id);
        id
    }

    pub(super) fn name(&self, id: u32) -> &str {
        self.names.get(id as usize).map_or("", String::as_str)
    }

    /// Every name, by its id.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub(super) fn finish(self) -> Names {
        let mut text = String::new();
        let mut by_id = Vec::with_capacity(self.names.len());
        let mut sorted = Vec::with_capacity(self.names.len());
        for (id, name) in (0..).zip(&self.names) {
            let start = text.len() as u32;
            text.push_str(name);
            let end = text.len() as u32;
            by_id.push((start, end));
            sorted.push(Name { digest: Digest::of(name.as_bytes()), id, start });
        }
        sorted.sort_unstable_by_key(|entry| entry.digest.print());
        let (sorted, by_id) = (sorted.into(), by_id.into());
        let mut names = Names { text, sorted, by_id, ..Names::default() };
        names.index();
        names
    }
}

/// The names that a schema declares anywhere.
///
/// A name is found by its fingerprint in a table without collisions, for which compiling looks for a
/// multiplier; where none is found (a hostile schema may see to that) by binary search. Either way the
/// text decides.
#[derive(Debug, Default)]
pub(super) struct Names {
    text: String,
    /// Sorted by fingerprint, then by text.
    sorted: Box<[Name]>,
    /// Where the text of each id stands.
    by_id: Box<[(u32, u32)]>,
    /// Place in `sorted` of the first name of each fingerprint, by hash; empty when there is none
    /// without collisions.
    slots: Box<[u16]>,
    multiplier: u32,
}

#[derive(Clone, Copy, Debug)]
struct Name {
    digest: Digest,
    id: u32,
    /// Where its text begins.
    start: u32,
}

/// A slot without a name; no place in a table that is short enough for slots.
const EMPTY: u16 = u16::MAX;

/// The id of a name that the schema does not declare.
pub(crate) const UNNAMED: u32 = json::MAX_NUMBER;

impl json::Names for Names {
    #[inline(always)]
    fn find(&self, digest: Digest, name: Str<'_>) -> u32 {
        let print = digest.print();
        let slot = hash(print, self.multiplier, self.slots.len());
        let first = match self.slots.get(slot) {
            Some(&first) => usize::from(first),
            None => self.search(print),
        };
        match self.sorted.get(first) {
            Some(entry) if entry.digest == digest && digest.len() <= Digest::WHOLE => entry.id,
            Some(entry) if entry.digest.print() == print => self.among(first, print, name),
            _ => UNNAMED,
        }
    }
}

impl Names {
    pub(super) fn get(&self, id: u32) -> &str {
        self.by_id
            .get(id as usize)
            .and_then(|&(start, end)| self.text.get(start as usize..end as usize))
            .unwrap_or("")
    }

    /// The first name in `sorted` that has the fingerprint `print`, when there is one.
    #[cold]
    fn search(&self, print: u32) -> usize {
        self.sorted.partition_point(|entry| entry.digest.print() < print)
    }

    /// The id of `name` among those with the fingerprint `print`, which begin at `first`.
    fn among(&self, first: usize, print: u32, name: Str<'_>) -> u32 {
        let others = self.sorted.get(first..).unwrap_or(&[]).iter();
        let mut same_print = others.take_while(|other| other.digest.print() == print);
        same_print.find(|other| self.is(other, name)).map_or(UNNAMED, |other| other.id)
    }

    fn is(&self, entry: &Name, name: Str<'_>) -> bool {
        let rest = self.text.as_bytes().get(entry.start as usize..);
        let text = rest.and_then(|rest| rest.get(..entry.digest.len() as usize));
        text.is_some_and(|text| name.is(text))
    }

    /// Looks for a multiplier that keeps the fingerprints apart.
    fn index(&mut self) {
        if self.sorted.len() >= usize::from(EMPTY) {
            return;
        }
        let smallest = (self.sorted.len() * 4).next_power_of_two();
        let multipliers = (0..32_u32).map(|n| 0x9e37_79b1_u32.wrapping_mul(2 * n + 1));
        let sizes = [smallest, smallest * 2, smallest * 4];
        let tables = sizes.into_iter().flat_map(|size| multipliers.clone().map(move |m| (size, m)));
        for (size, multiplier) in tables {
            let mut slots = alloc::vec![EMPTY; size];
            let mut last = None;
            let apart = (0..EMPTY).zip(&self.sorted).all(|(at, name)| {
                let print = name.digest.print();
                if last.replace(print) == Some(print) {
                    return true;
                }
                slots
                    .get_mut(hash(print, multiplier, size))
                    .is_some_and(|slot| core::mem::replace(slot, at) == EMPTY)
            });
            if apart {
                self.slots = slots.into();
                self.multiplier = multiplier;
                return;
            }
        }
    }
}

/// A slot of a table whose `size` is zero or a power of two.
#[inline]
const fn hash(print: u32, multiplier: u32, size: usize) -> usize {
    let mixed = print.wrapping_mul(multiplier);
    (mixed ^ mixed >> 16) as usize & size.wrapping_sub(1)
}

/// The entry called `name` of a table sorted by name ids, which mostly follow each other.
#[inline]
pub(super) fn find_named<T>(table: &[T], name: u32, id: impl Fn(&T) -> u32) -> Option<&T> {
    let first = id(table.first()?);
    if let Some(entry) = table.get(name.wrapping_sub(first) as usize)
        && id(entry) == name
    {
        return Some(entry);
    }
    if name < first || name == UNNAMED {
        return None;
    }
    table.binary_search_by_key(&name, id).ok().and_then(|at| table.get(at))
}
