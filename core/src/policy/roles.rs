//! Roles and what they inherit.
//!
//! A role is a bit. Inheritance is resolved when a policy compiles: each role knows the set of
//! roles that it is, itself included, so that a decision is an OR per role of the caller and an AND
//! per rule.

use alloc::vec::Vec;

use hashbrown::HashTable;

use super::text::{Hash, Pool, Text};
use crate::glob::Case;

/// Most different roles that one policy names.
pub(super) const MAX_ROLES: usize = 256;

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RoleSet([u64; 4]);

impl RoleSet {
    pub fn insert(&mut self, role: Role) {
        if let Some(word) = self.0.get_mut(usize::from(role.0 / 64)) {
            *word |= 1 << (role.0 % 64);
        }
    }

    pub fn contains(self, role: Role) -> bool {
        let mut one = Self::default();
        one.insert(role);
        self.meets(one)
    }

    /// The roles of this set that are not in `other`.
    pub fn without(self, other: Self) -> Self {
        let mut rest = self;
        rest.0.iter_mut().zip(other.0).for_each(|(word, other)| *word &= !other);
        rest
    }

    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Whether the sets have a role in common.
    pub fn meets(self, other: Self) -> bool {
        self.0.iter().zip(other.0).any(|(a, b)| a & b != 0)
    }

    pub fn join(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a |= b);
    }
}

/// The number of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Role(u8);

/// The roles of a policy.
#[derive(Debug, Default)]
pub(super) struct Roles {
    names: Vec<Text>,
    numbers: HashTable<Role>,
    /// What each role is: itself and what it inherits.
    sets: Vec<RoleSet>,
}

impl Roles {
    /// The role called `name`.
    pub fn find(&self, name: &str, pool: &Pool) -> Option<Role> {
        let same = |role: &Role| pool.get(self.name(*role)) == name;
        self.numbers.find(Hash::of(name, Case::Exact), same).copied()
    }

    /// The role called `name`, new when there is none; `None` when there are too many.
    pub fn add(&mut self, name: &str, pool: &mut Pool) -> Option<Role> {
        if let Some(role) = self.find(name, pool) {
            return Some(role);
        }
        let role = Role(u8::try_from(self.names.len()).ok()?);
        self.names.push(pool.add(name));
        let mut set = RoleSet::default();
        set.insert(role);
        self.sets.push(set);
        let Self { names, numbers, .. } = self;
        let hash = |role: &Role| {
            let name = names.get(usize::from(role.0)).copied().unwrap_or_default();
            Hash::of(pool.get(name), Case::Exact)
        };
        numbers.insert_unique(hash(&role), role, hash);
        Some(role)
    }

    /// Makes `role` inherit `parent`.
    pub fn inherit(&mut self, role: Role, parent: Role) {
        if let Some(set) = self.sets.get_mut(usize::from(role.0)) {
            set.insert(parent);
        }
    }

    /// Adds to each role what its parents inherit.
    ///
    /// # Errors
    /// A role that inherits itself.
    pub fn resolve(&mut self) -> Result<(), Role> {
        let parents = self.sets.clone();
        let all = || (0..=u8::MAX).map(Role).take(self.names.len());
        // Each round doubles the reach, and no chain is longer than the number of roles: nine rounds.
        for _ in all() {
            let reached = self.sets.clone();
            for set in &mut self.sets {
                let own = *set;
                for (role, more) in all().zip(&reached) {
                    if own.contains(role) {
                        set.join(*more);
                    }
                }
            }
            if self.sets == reached {
                break;
            }
        }
        // A role is on a cycle when another role that it inherits inherits it.
        for (role, direct) in all().zip(&parents) {
            let cyclic = |(other, set): (Role, &RoleSet)| {
                other != role && direct.contains(other) && set.contains(role)
            };
            if all().zip(&self.sets).any(cyclic) {
                return Err(role);
            }
        }
        Ok(())
    }

    /// What a caller with these roles is. Roles that the policy does not name mean nothing to it.
    pub fn effective(&self, names: &[&str], pool: &Pool) -> RoleSet {
        let mut all = RoleSet::default();
        for name in names {
            if let Some(role) = self.find(name, pool)
                && let Some(set) = self.sets.get(usize::from(role.0))
            {
                all.join(*set);
            }
        }
        all
    }

    pub fn name(&self, role: Role) -> Text {
        self.names.get(usize::from(role.0)).copied().unwrap_or_default()
    }

    pub fn names<'p>(&'p self, pool: &'p Pool) -> impl Iterator<Item = &'p str> + Clone {
        self.names.iter().map(|name| pool.get(*name))
    }
}
