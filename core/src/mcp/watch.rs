//! Tools of a live list held against what was approved.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::event::{Audit, Direction, Event, Outcome};
use crate::guard::Guard;
use crate::hidden::Found;
use crate::json::Value;
use crate::pins::{Definition, Digest, KeepPins, Standing};
use crate::policy::PinMode;

/// Most definitions that are remembered as told.
const MAX_TOLD: usize = 4096;

/// Whether a tool may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Refused,
    Trusted,
}

/// Who keeps the pins, and what the audit was told of them: a server is asked for its tools again and
/// again.
#[derive(Default)]
pub(super) struct Watch {
    keeper: Option<Arc<dyn KeepPins + Send + Sync>>,
    told: BTreeSet<(Box<str>, Digest)>,
    told_hidden: BTreeSet<(Box<str>, Digest)>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("told", &self.told).finish_non_exhaustive()
    }
}

impl Watch {
    pub(super) fn keep_pins(&mut self, keeper: Arc<dyn KeepPins + Send + Sync>) {
        self.keeper = Some(keeper);
    }

    /// Whether definitions are compared. They are when somebody keeps pins, unless the policy forbids it,
    /// and when the policy wants it, whoever keeps them.
    pub(super) fn is_on(&self, guard: &Guard) -> bool {
        self.mode(guard) != PinMode::Off
    }

    fn mode(&self, guard: &Guard) -> PinMode {
        let unsaid = if self.keeper.is_some() { PinMode::Record } else { PinMode::Off };
        guard.policy().settings().pins.mode.unwrap_or(unsaid)
    }

    /// What becomes of each tool, in order.
    pub(super) fn judge(
        &mut self,
        definitions: &[Definition],
        guard: &Guard,
        audit: &mut dyn Audit,
    ) -> Vec<Judged> {
        let record = self.mode(guard) == PinMode::Record;
        let standings = match &self.keeper {
            Some(keeper) => keeper.meet(definitions, record),
            None => Err("nobody keeps the pins that the policy wants".to_owned()),
        };
        let standings = match standings {
            Ok(standings) => standings,
            Err(why) => {
                for definition in definitions {
                    self.tell(definition, false, &why, audit);
                }
                return definitions.iter().map(|_| Judged::Refused).collect();
            }
        };
        let mut standings = standings.into_iter();
        let judge = |definition: &Definition| match standings.next() {
            Some(standing) => self.one(definition, &standing, record, guard, audit),
            None => Judged::Refused,
        };
        definitions.iter().map(judge).collect()
    }

    fn one(
        &mut self,
        definition: &Definition,
        standing: &Standing,
        record: bool,
        guard: &Guard,
        audit: &mut dyn Audit,
    ) -> Judged {
        let settings = guard.policy().settings();
        let (why, refused): (String, bool) = match standing {
            Standing::Known => return Judged::Trusted,
            Standing::New if record => {
                let digest = definition.digest().to_string();
                let _ = audit.record(&event(definition, Outcome::Pinned(&digest)));
                return Judged::Trusted;
            }
            Standing::New => {
                (format!("nobody has approved its definition, {}", definition.digest()), true)
            }
            Standing::Changed(change) => {
                let refused = settings.pins.refuse.is_some_and(|least| change.severity >= least);
                (format!("its definition is not the one that was approved: {change}"), refused)
            }
        };
        // A policy that only watches refuses nothing.
        let shown = !refused || settings.shadow;
        self.tell(definition, shown, &why, audit);
        if shown { Judged::Trusted } else { Judged::Refused }
    }

    /// Tells the audit of hidden text, once for each definition.
    pub(super) fn tell_hidden(
        &mut self,
        tool: Value<'_>,
        name: &str,
        hidden: Found,
        stripped: bool,
        audit: &mut dyn Audit,
    ) {
        let digest = Digest::of(tool.raw());
        if is_news(&mut self.told_hidden, name, digest) {
            let outcome = Outcome::Cleaned { hidden, stripped };
            let event = Event { tool: Some(name), ..Event::new(Direction::ToClient, outcome) };
            let _ = audit.record(&event);
        }
    }

    /// Tells the audit, once for each definition.
    fn tell(&mut self, definition: &Definition, shown: bool, why: &str, audit: &mut dyn Audit) {
        if is_news(&mut self.told, definition.name(), definition.digest()) {
            let _ = audit.record(&event(definition, Outcome::Changed { shown, why }));
        }
    }
}

fn is_news(told: &mut BTreeSet<(Box<str>, Digest)>, name: &str, digest: Digest) -> bool {
    if told.len() >= MAX_TOLD {
        told.clear();
    }
    told.insert((name.into(), digest))
}

fn event<'a>(definition: &'a Definition, outcome: Outcome<'a>) -> Event<'a> {
    Event { tool: Some(definition.name()), ..Event::new(Direction::ToClient, outcome) }
}
