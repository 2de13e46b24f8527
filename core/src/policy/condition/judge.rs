//! Conditions, judged: their combinations, and the values that each is about.

use super::super::rule::{List, Who};
use super::super::text::{Pool, Text};
use super::super::truth::{Side, Truth};
use super::{
    At, Condition, Conditions, Expr, Found, KindEntry, KindOf, Memory, Segment, Target, Test,
};
use crate::json::{CUT, Document, Kind, Value};
use crate::schema::Schema;

/// Steps that the conditions of one call may take.
const STEPS: u32 = 1 << 20;

/// A value that a target leads to, or why there is none.
pub(super) enum Reached<'t> {
    Value(Value<'t>),
    /// The object of node `.0` lacks the member.
    Missing(u32, Text),
    /// The value is no container of the wanted sort.
    Mistyped(Value<'t>),
}

/// One call, while its conditions are judged.
pub(in super::super) struct Judge<'a, 'm> {
    pub conditions: &'a Conditions,
    pub pool: &'a Pool,
    pub doc: Document<'a>,
    pub schema: Option<&'a Schema>,
    pub tool: &'a str,
    pub who: &'a Who<'a>,
    pub now: Option<u64>,
    pub memory: &'a mut Memory<'m>,
    pub(super) left: u32,
}

impl<'a, 'm> Judge<'a, 'm> {
    #[allow(clippy::too_many_arguments, reason = "one of each")]
    pub fn new(
        conditions: &'a Conditions,
        pool: &'a Pool,
        doc: Document<'a>,
        schema: Option<&'a Schema>,
        tool: &'a str,
        who: &'a Who<'a>,
        now: Option<u64>,
        memory: &'a mut Memory<'m>,
    ) -> Self {
        Self { conditions, pool, doc, schema, tool, who, now, memory, left: STEPS }
    }

    pub(super) fn spend(&mut self, bytes: usize) {
        let steps = u32::try_from(bytes / 64).unwrap_or(u32::MAX).saturating_add(1);
        self.left = self.left.saturating_sub(steps);
    }

    /// Judges the formula `expr`. Formulas are nested at most four deep.
    pub fn judge(&mut self, expr: u32) -> Found {
        let conditions = self.conditions;
        match conditions.exprs.get(expr as usize).copied() {
            Some(Expr::All(list)) => self.join(list, Side::Admit),
            Some(Expr::Any(list)) => self.join(list, Side::Refuse),
            Some(Expr::Not(inner)) => {
                let Found { truth, at } = self.judge(inner);
                Found { truth: truth.not(), at }
            }
            Some(Expr::Condition(number)) => match conditions.conditions.get(number as usize) {
                Some(condition) => self.condition(number, condition),
                None => Found { truth: Truth::Unknown, at: None },
            },
            Some(Expr::Time(window)) => {
                let window = conditions.windows.get(window as usize);
                let truth = window.map_or(Truth::Unknown, |window| window.holds(self.now));
                Found { truth, at: None }
            }
            None => Found { truth: Truth::Unknown, at: None },
        }
    }

    /// Joins formulas like the values of `side`; the place is that of the first that decides.
    fn join(&mut self, list: List, side: Side) -> Found {
        let mut all = Found { truth: side.start(), at: None };
        for expr in list.of(&self.conditions.lists) {
            let found = self.judge(*expr);
            let truth = side.join(all.truth, found.truth);
            if truth != all.truth || all.at.is_none() {
                all = Found { truth, at: found.at };
            }
            if all.truth == side.turned().start() {
                break;
            }
        }
        all
    }

    fn condition(&mut self, number: u32, condition: &Condition) -> Found {
        if let Test::Present(wanted) = condition.test {
            return self.presence(number, condition, wanted);
        }
        let side = if condition.any { Side::Refuse } else { Side::Admit };
        let mut all: Option<Found> = None;
        self.reach(condition, &mut |judge, reached| {
            let (truth, node, missing) = match reached {
                Reached::Value(value) => {
                    (judge.test(condition, value), value.index(), Text::default())
                }
                Reached::Missing(node, name) => (condition.missing, node, name),
                Reached::Mistyped(value) => (Truth::Unknown, value.index(), Text::default()),
            };
            let at = Some(At { node, condition: number, missing, layer: 0 });
            match &mut all {
                None => all = Some(Found { truth, at }),
                Some(all) => {
                    let joined = side.join(all.truth, truth);
                    if joined != all.truth {
                        *all = Found { truth: joined, at };
                    }
                }
            }
            all.is_none_or(|all| all.truth != side.turned().start()) && judge.left > 0
        });
        // No element of an empty list is what is refused, but none is known to be admitted either.
        let nothing = if condition.side == Side::Refuse { Truth::False } else { Truth::Unknown };
        all.unwrap_or(Found { truth: nothing, at: None })
    }

    fn presence(&mut self, number: u32, condition: &Condition, wanted: bool) -> Found {
        let mut all = Found { truth: Truth::from(!wanted), at: None };
        self.reach(condition, &mut |_, reached| {
            let (truth, node, missing) = match reached {
                Reached::Value(value) => (Truth::from(wanted), value.index(), Text::default()),
                Reached::Missing(node, name) => (Truth::from(!wanted), node, name),
                Reached::Mistyped(value) => (Truth::Unknown, value.index(), Text::default()),
            };
            all = Found { truth, at: Some(At { node, condition: number, missing, layer: 0 }) };
            // One that is there is enough.
            truth != Truth::from(wanted)
        });
        all
    }

    /// Visits what the condition looks at until `visit` says no.
    fn reach(
        &mut self,
        condition: &Condition,
        visit: &mut dyn FnMut(&mut Self, Reached<'a>) -> bool,
    ) {
        let conditions = self.conditions;
        let root = self.doc.root();
        match conditions.targets.get(condition.target as usize).copied() {
            Some(Target::Path(list)) => {
                self.walk(root, list.of(&conditions.segments), visit);
            }
            Some(Target::Kind(kind)) => {
                if let Some(kind) = conditions.kinds.get(kind as usize) {
                    self.reach_kind(kind, condition, visit);
                }
            }
            None => {}
        }
    }

    fn reach_kind(
        &mut self,
        kind: &'a KindOf,
        condition: &Condition,
        visit: &mut dyn FnMut(&mut Self, Reached<'a>) -> bool,
    ) {
        let conditions = self.conditions;
        let (mut any, mut go_on) = (false, true);
        kind.tools.find(self.tool, self.pool, |entry| {
            let Some(entry) = kind.entries.get(entry as usize) else { return };
            for target in entry.targets.of(&conditions.targets) {
                let Target::Path(list) = *target else { continue };
                let segments = list.of(&conditions.segments);
                if !go_on {
                    return;
                }
                let declared = self.expects(entry, segments, condition);
                let root = self.doc.root();
                go_on = self.walk(root, segments, &mut |judge, reached| {
                    match reached {
                        // Other tools have this one; this tool may have others of its kind.
                        Reached::Missing(..) if !declared => true,
                        reached => {
                            any = true;
                            visit(judge, reached)
                        }
                    }
                });
            }
        });
        if !any && go_on {
            visit(self, Reached::Missing(0, kind.name));
        }
    }

    /// Whether a tool that lacks the argument may have been given a value for it by default: then a
    /// rule that refuses cannot know it to be harmless.
    fn expects(&self, entry: &KindEntry, segments: &[Segment], condition: &Condition) -> bool {
        if !condition.denies || condition.missing != Truth::Unknown {
            return false;
        }
        match (segments.first(), self.schema) {
            (Some(Segment::Name(name)), Some(schema)) => {
                schema.declares(self.pool.get(*name)).unwrap_or(!entry.wildcard)
            }
            _ => !entry.wildcard,
        }
    }

    /// Visits what `segments` lead to from `value` on; false when `visit` said no.
    pub(super) fn walk(
        &mut self,
        value: Value<'a>,
        segments: &[Segment],
        visit: &mut dyn FnMut(&mut Self, Reached<'a>) -> bool,
    ) -> bool {
        let Some((segment, rest)) = segments.split_first() else {
            return visit(self, Reached::Value(value));
        };
        match segment {
            Segment::Name(name) if value.kind() == Kind::Object => {
                self.spend(value.len());
                match value.get(self.pool.get(*name)) {
                    Some(member) => self.walk(member, rest, visit),
                    None => visit(self, Reached::Missing(value.index(), *name)),
                }
            }
            Segment::Each if value.kind() == Kind::Array => {
                value.elements().all(|element| self.walk(element, rest, visit))
            }
            Segment::Deep => self.walk_all(value, visit),
            _ => visit(self, Reached::Mistyped(value)),
        }
    }

    /// Visits every value below `value` that is no container.
    fn walk_all(
        &mut self,
        value: Value<'a>,
        visit: &mut dyn FnMut(&mut Self, Reached<'a>) -> bool,
    ) -> bool {
        let end = self.doc.after(value.index());
        let mut at = value.index();
        while at < end {
            let node = self.doc.node(at);
            match node.kind() {
                Kind::Key if node.has(CUT) => at = self.doc.after(at.saturating_add(1)),
                Kind::Key | Kind::Object | Kind::Array => at = at.saturating_add(1),
                _ => {
                    if !visit(self, Reached::Value(self.doc.at(at))) {
                        return false;
                    }
                    at = at.saturating_add(1);
                }
            }
        }
        true
    }
    /// Whether the budget was used up, so that nothing that was found counts.
    pub const fn is_exhausted(&self) -> bool {
        self.left == 0
    }
}
