//! One subschema while its keywords are read, before its rules go into the tables.

use alloc::boxed::Box;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::{
    ArrayRules, Content, Dependent, LogicRules, Member, NONE, NumberRules, Span, StringRules, Types,
};
use crate::json::{Kind, Value};

/// One subschema while its keywords are read.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) types: Types,
    /// Types of the members of `enum` and of `const`.
    pub(super) admitted: Types,
    pub(super) choices: u32,
    pub(super) constant: u32,
    pub(super) closes: bool,
    pub(super) opens: bool,
    pub(super) unevaluated: bool,
    pub(super) object: Option<Box<DraftObject>>,
    pub(super) array: Option<ArrayRules>,
    pub(super) string: Option<StringRules>,
    pub(super) number: Option<NumberRules>,
    pub(super) logic: Option<LogicRules>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            types: Types::ANY,
            admitted: Types::ANY,
            choices: NONE,
            constant: NONE,
            closes: false,
            opens: false,
            unevaluated: false,
            object: None,
            array: None,
            string: None,
            number: None,
            logic: None,
        }
    }
}

impl Draft {
    pub(super) fn admit<'v>(&mut self, values: impl Iterator<Item = Value<'v>>) {
        let listed = values.fold(Types::EMPTY, |types, value| {
            types.and(Types::of(value.document(), value.index()))
        });
        // `enum` and `const` may stand side by side.
        self.admitted.0 &= listed.0;
    }

    pub(super) fn open_or_close(&mut self, value: Value<'_>) {
        if value.kind() == Kind::False {
            self.closes = true;
        } else {
            self.opens = true;
        }
    }

    pub(super) fn object_mut(&mut self) -> &mut DraftObject {
        self.object.get_or_insert_with(Box::default)
    }

    pub(super) fn array_mut(&mut self) -> &mut ArrayRules {
        self.array.get_or_insert(ArrayRules {
            prefix: Span::default(),
            items: NONE,
            unevaluated: NONE,
            contains: NONE,
            contains_evaluates: true,
            min_contains: 1,
            max_contains: u64::MAX,
            min: 0,
            max: u64::MAX,
            unique: false,
        })
    }

    pub(super) fn string_mut(&mut self) -> &mut StringRules {
        self.string.get_or_insert(StringRules {
            min: 0,
            max: u64::MAX,
            pattern: NONE,
            format: None,
            content: Content::default(),
        })
    }

    pub(super) fn number_mut(&mut self) -> &mut NumberRules {
        self.number.get_or_insert(NumberRules {
            min: NONE,
            max: NONE,
            above: NONE,
            below: NONE,
            multiple_of: NONE,
        })
    }

    pub(super) fn logic_mut(&mut self) -> &mut LogicRules {
        self.logic.get_or_insert(LogicRules {
            reference: NONE,
            dynamic: NONE,
            all: Span::default(),
            any: Span::default(),
            one: Span::default(),
            any_tags: NONE,
            one_tags: NONE,
            not: NONE,
            condition: NONE,
            then: NONE,
            otherwise: NONE,
        })
    }
}

#[derive(Debug)]
pub(super) struct DraftObject {
    pub(super) members: Vec<Member>,
    /// Where each name stands in `members`.
    pub(super) index: HashMap<u32, usize>,
    pub(super) keyed: Vec<(u32, u32)>,
    pub(super) dependents: Vec<Dependent>,
    pub(super) additional: u32,
    pub(super) unevaluated: u32,
    pub(super) names: u32,
    pub(super) min: u64,
    pub(super) max: u64,
}

impl Default for DraftObject {
    fn default() -> Self {
        Self {
            members: Vec::new(),
            index: HashMap::new(),
            keyed: Vec::new(),
            dependents: Vec::new(),
            additional: NONE,
            unevaluated: NONE,
            names: NONE,
            min: 0,
            max: u64::MAX,
        }
    }
}

impl DraftObject {
    pub(super) fn member(&mut self, name: u32) -> &mut Member {
        let at = *self.index.entry(name).or_insert_with(|| {
            self.members.push(Member { name, sub: NONE, required: false, at_once: Types::EMPTY });
            self.members.len() - 1
        });
        &mut self.members[at]
    }
}
