//! Rules about the calls before: what they ask of a session, and what an allowed call does to it.
//!
//! Labels are bits of one word. All else is found in the session under keys that are hashes of names and
//! ids, so that it means the same to the next policy of the same rules. Worst case: the digests of the
//! arguments that the rules for a tool name, linear in their bytes.

use alloc::format;
use alloc::vec::Vec;

use super::claim::Claim;
use super::compile::Compiler;
use super::compiled::Policy;
use super::condition::{Judge, Memory, Segment};
use super::error::PolicyError;
use super::fields::{Item, Table};
use super::keys::{AFTER, SESSION};
use super::limit::{find, read_duration};
use super::rule::{Effect as Verb, List};
use super::text::{Hash, Pool, Text};
use super::tree::Span;
use super::truth::{Side, Truth};
use super::when::Frame;
use crate::buf::{Buf, Full};
use crate::glob::Case;
use crate::json::Document;
use crate::session::{Digest, Effect, Session};

/// Most labels of a policy, those of the policies that it followed included.
const MAX_LABELS: usize = 64;
/// Most arguments of one `same` or `once`.
const MAX_ARGUMENTS: usize = 16;

/// What the rules of a policy ask of sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// Of rules that ask about a session or change it.
    pub clauses: Vec<Clauses>,
    /// What is remembered of calls that end well, without doubles.
    traces: Vec<Trace>,
    /// The traces by the names of their tools, shorter names first.
    by_tool: Vec<u32>,
    /// Arguments, as lists of segments.
    paths: Vec<List>,
    /// Names of labels, by bit; in a stack those of the first policy are those of all.
    labels: Vec<Text>,
    /// Labels that come from elsewhere.
    foreign: u64,
    /// Most calls of one session, and where that is said.
    pub max_calls: Option<(u32, Span)>,
    keeping: Keeping,
}

/// How long and how many sessions are kept, by who keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// After so many milliseconds without a call a session is over.
    pub idle_ms: u64,
    /// So many sessions are kept at a time.
    pub most: usize,
}

impl Default for Keeping {
    /// A day, and 65,536 sessions.
    fn default() -> Self {
        Self { idle_ms: 86_400_000, most: 65_536 }
    }
}

/// What one rule asks of a session, and what its calls do to it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clauses {
    /// What the session knows the rule by.
    key: u64,
    /// The session has all of these.
    pub labels: u64,
    pub after: Option<After>,
    /// Arguments whose values together were not used before, in `paths`.
    pub once: Option<List>,
    pub cooldown_ms: Option<u64>,
    pub max_calls: Option<u32>,
    adds: u64,
    /// A formula; without it the labels are added always.
    adds_when: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct After {
    trace: u32,
    within_ms: Option<u64>,
}

/// That calls of a tool are remembered, with the values of these arguments.
#[derive(Clone, Copy, Debug)]
struct Trace {
    tool: Text,
    key: u64,
    /// In `paths`.
    same: List,
}

/// The digest of the list of arguments that was asked for last, none when one of them is missing or is no single
/// value: rules for a tool mostly ask for the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// The policy of a stack that has the list.
    layer: u32,
    /// In `paths`.
    paths: List,
    digest: Option<u64>,
}

impl Sessions {
    /// Whether no rule asks about sessions.
    pub const fn is_empty(&self) -> bool {
        self.clauses.is_empty() && self.max_calls.is_none()
    }

    pub fn get(&self, number: Option<u32>) -> Option<&Clauses> {
        self.clauses.get(number? as usize)
    }

    fn traces_of<'s>(&'s self, tool: &'s str, pool: &'s Pool) -> impl Iterator<Item = &'s Trace> {
        let trace = |number: &u32| self.traces.get(*number as usize);
        let name = move |trace: &Trace| by_length(pool.get(trace.tool));
        let wanted = by_length(tool);
        let before = move |number: &u32| trace(number).is_some_and(|trace| name(trace) < wanted);
        let first = self.by_tool.partition_point(before);
        let rest = self.by_tool.get(first..).unwrap_or(&[]);
        rest.iter().filter_map(trace).take_while(move |trace| name(trace) == wanted)
    }

    /// Sorts the traces, once the document is read.
    pub fn finish(mut self, pool: &Pool) -> Self {
        self.by_tool = (0..self.traces.len() as u32).collect();
        let name = |number: &u32| {
            self.traces.get(*number as usize).map(|one| by_length(pool.get(one.tool)))
        };
        self.by_tool.sort_by_key(name);
        self
    }

    /// The bits of labels under other numbers.
    fn renumber(&mut self, numbers: &[u64]) {
        let moved = |word: u64| {
            let bits = (0..).zip(numbers).filter(|(bit, _)| word & (1_u64 << *bit) != 0);
            bits.fold(0, |all, (_, number)| all | number)
        };
        for clauses in &mut self.clauses {
            clauses.labels = moved(clauses.labels);
            clauses.adds = moved(clauses.adds);
        }
        self.foreign = moved(self.foreign);
    }

    /// Labels that rules ask for, and those that rules add or that come from elsewhere.
    fn asked_and_added(&self) -> (u64, u64) {
        let start = (0, self.foreign);
        self.clauses
            .iter()
            .fold(start, |(asked, added), one| (asked | one.labels, added | one.adds))
    }
}

/// An order of names in which most comparisons end with a number.
const fn by_length(name: &str) -> (usize, &str) {
    (name.len(), name)
}

impl Clauses {
    /// Whether the session is asked for anything.
    pub const fn asks(&self) -> bool {
        self.labels != 0 || !self.is_plain()
    }

    /// Whether the session is only asked for labels, which is all that a rule that denies may do.
    const fn is_plain(&self) -> bool {
        self.after.is_none()
            && self.once.is_none()
            && self.cooldown_ms.is_none()
            && self.max_calls.is_none()
    }
}

impl Policy {
    /// What the rule says about the session, as far as it asks, and the digest of what it would take. What
    /// cannot be known is unknown.
    pub(super) fn remembers(
        &self,
        clauses: &Clauses,
        session: Option<&Session>,
        doc: Document<'_>,
        now: Option<u64>,
        known: &mut Option<Known>,
    ) -> (Truth, Option<u64>) {
        let Some(session) = session else {
            return (if clauses.asks() { Truth::Unknown } else { Truth::True }, None);
        };
        let labelled = session.labels() & clauses.labels == clauses.labels;
        if !labelled || clauses.is_plain() {
            return (labelled.into(), None);
        }
        let mut truth = Truth::True;
        let tell = |_, one| truth = truth.min(one);
        let taken = self.clause_truths(clauses, session, doc, now, known, tell);
        (truth, taken)
    }

    /// What each clause of a rule says about the session; the digest of what `once` takes.
    pub(super) fn clause_truths(
        &self,
        clauses: &Clauses,
        session: &Session,
        doc: Document<'_>,
        now: Option<u64>,
        known: &mut Option<Known>,
        mut tell: impl FnMut(&'static str, Truth),
    ) -> Option<u64> {
        if clauses.labels != 0 {
            let labelled = session.labels() & clauses.labels == clauses.labels;
            tell("labels", labelled.into());
        }
        if clauses.max_calls.is_some() || clauses.cooldown_ms.is_some() {
            let uses = session.uses(self.rule_key(clauses));
            let countable = uses.is_some() || session.can_count();
            if let Some(most) = clauses.max_calls {
                tell("max_calls", (countable && uses.is_none_or(|(calls, _)| calls < most)).into());
            }
            if let Some(pause) = clauses.cooldown_ms {
                let truth = match (session.time(now), uses) {
                    (None, _) | (_, Some((_, None))) => Truth::Unknown,
                    (Some(_), None) => countable.into(),
                    // A clock that was set back does not tell how long ago it was.
                    (Some(now), Some((_, Some(last)))) => {
                        now.checked_sub(last).is_some_and(|past| past >= pause).into()
                    }
                };
                tell("cooldown", truth);
            }
        }
        if let Some(after) = clauses.after {
            tell("after", self.came_before(after, session, doc, now, known));
        }
        let once = clauses.once?;
        let digest = self.digest(session, self.rule_key(clauses), once, doc, known);
        tell("once", digest.map_or(Truth::Unknown, |digest| session.can_spend(digest).into()));
        digest
    }

    /// Notes what an allowed call by a rule that holds does to its session; `taken` is the digest of what it
    /// takes.
    pub(super) fn note_effects(
        &self,
        clauses: &Clauses,
        taken: Option<u64>,
        judge: &mut Judge<'_, '_>,
    ) -> Result<(), Full> {
        if clauses.adds != 0 {
            // What is not known to be harmless is labelled.
            let adds = clauses.adds_when.is_none_or(|when| judge.judge(when).truth != Truth::False);
            if adds {
                note(&mut judge.memory.effects, Effect::Label(clauses.adds))?;
            }
        }
        if clauses.max_calls.is_some() || clauses.cooldown_ms.is_some() {
            note(&mut judge.memory.effects, Effect::Use(self.rule_key(clauses)))?;
        }
        taken.map_or(Ok(()), |digest| note(&mut judge.memory.effects, Effect::Spend(digest)))
    }

    /// Notes what later calls may ask about this one.
    pub(super) fn note_traces(
        &self,
        session: &Session,
        tool: &str,
        doc: Document<'_>,
        memory: &mut Memory<'_>,
    ) -> Result<(), Full> {
        let Memory { effects, known, .. } = memory;
        for trace in self.sessions.traces_of(tool, &self.pool) {
            if let Some(digest) = self.digest(session, trace.key, trace.same, doc, known) {
                note(effects, Effect::Event(digest))?;
            }
        }
        Ok(())
    }

    fn came_before(
        &self,
        After { trace, within_ms }: After,
        session: &Session,
        doc: Document<'_>,
        now: Option<u64>,
        known: &mut Option<Known>,
    ) -> Truth {
        let Some(trace) = self.sessions.traces.get(trace as usize) else { return Truth::Unknown };
        let Some(digest) = self.digest(session, trace.key, trace.same, doc, known) else {
            return Truth::Unknown;
        };
        match (session.happened(digest), within_ms, session.time(now)) {
            (None, ..) => Truth::False,
            (Some(_), None, _) => Truth::True,
            (Some(None), Some(_), _) | (Some(_), Some(_), None) => Truth::Unknown,
            (Some(Some(at)), Some(within), Some(now)) => {
                now.checked_sub(at).is_some_and(|past| past <= within).into()
            }
        }
    }

    /// The digest of arguments for one purpose; none when one is missing, or is no single value.
    fn digest(
        &self,
        session: &Session,
        purpose: u64,
        paths: List,
        doc: Document<'_>,
        known: &mut Option<Known>,
    ) -> Option<u64> {
        let layer = self.layer as u32;
        if let Some(found) = known.filter(|one| one.paths == paths && one.layer == layer) {
            return found.digest.map(|digest| digest ^ purpose);
        }
        let add = |mut digest: Digest, path: &List| {
            digest.add(find(doc.root(), path.of(&self.conditions.segments), &self.pool)?)?;
            Some(digest)
        };
        let digest = paths.of(&self.sessions.paths).iter().try_fold(session.digest(), add);
        let digest = digest.map(|digest| digest.finish());
        *known = Some(Known { layer, paths, digest });
        digest.map(|digest| digest ^ purpose)
    }

    /// What sessions know a rule by: in a stack two rules may have one id.
    const fn rule_key(&self, clauses: &Clauses) -> u64 {
        clauses.key.wrapping_add(self.layer as u64)
    }

    /// Whether rules of this policy ask about sessions: calls without one satisfy none of them.
    #[must_use]
    pub fn has_session_rules(&self) -> bool {
        self.layers().any(|policy| !policy.sessions.is_empty())
    }

    /// How long and how many sessions are kept.
    #[must_use]
    pub const fn keeping(&self) -> Keeping {
        self.sessions.keeping
    }

    /// The labels that a session has under this policy.
    pub fn labels<'p>(&'p self, session: &Session) -> impl Iterator<Item = &'p str> {
        let word = session.labels();
        let labels = (0_u32..).zip(&self.sessions.labels);
        labels
            .filter(move |(bit, _)| word & (1_u64 << bit) != 0)
            .map(|(_, name)| self.pool.get(*name))
    }

    /// The labels of a policy by itself that no rule asks for.
    pub(super) fn idle_labels(&self) -> impl Iterator<Item = &str> {
        let (asked, _) = self.sessions.asked_and_added();
        let alone = self.layer == 0 && self.lower.is_empty();
        let labels = (0_u32..).zip(&self.sessions.labels).filter(move |_| alone);
        labels
            .filter(move |(bit, _)| asked & (1_u64 << bit) == 0)
            .map(|(_, name)| self.pool.get(*name))
    }

    /// Makes this policy the successor of `old`: a session that was kept under `old` means the same to it.
    /// Labels keep their numbers, also those that this policy does not name; counts and used-up values belong
    /// to the rule of the same id, and earlier calls to the tool of the same name.
    ///
    /// # Errors
    /// When the two have more than 64 different labels.
    pub fn succeed(&mut self, old: &Self) -> Result<(), PolicyError> {
        let names = |policy: &Self| -> Vec<alloc::string::String> {
            policy.sessions.labels.iter().map(|name| policy.pool.get(*name).into()).collect()
        };
        let own = names(self);
        let known = names(old);
        self.sessions.labels.clear();
        for name in &known {
            self.sessions.labels.push(self.pool.add(name));
        }
        let numbers = self.number_labels(&own)?;
        self.sessions.renumber(&numbers);
        self.lower.iter_mut().for_each(|policy| policy.sessions.renumber(&numbers));
        Ok(())
    }

    /// Takes over the labels and bounds of a policy that is put under this one.
    pub(super) fn take_sessions(&mut self, lower: &mut Self) -> Result<(), PolicyError> {
        let names = core::mem::take(&mut lower.sessions.labels);
        let names: Vec<&str> = names.iter().map(|name| lower.pool.get(*name)).collect();
        let numbers = self.number_labels(&names).map_err(|mut error| {
            error.layer = lower.layer;
            error
        })?;
        lower.sessions.renumber(&numbers);
        Ok(())
    }

    /// The bit of each of `names`, which are added where they are new.
    fn number_labels(&mut self, names: &[impl AsRef<str>]) -> Result<Vec<u64>, PolicyError> {
        let Self { sessions, pool, .. } = self;
        let number = |name: &str| {
            label(&mut sessions.labels, pool, name).ok_or_else(|| {
                let message =
                    format!("with those of its policies this one has over {MAX_LABELS} labels");
                PolicyError::new(Span::default(), "", message)
            })
        };
        let mut number = number;
        names.iter().map(|name| number(name.as_ref())).collect()
    }
}

fn note(effects: &mut Buf<'_, Effect>, effect: Effect) -> Result<(), Full> {
    // Several patterns of a rule may cover a tool, and several rules may take the same.
    if effects.contains(&effect) { Ok(()) } else { effects.push(effect) }
}

/// The bit of the label called `name`; none when there are too many.
fn label(labels: &mut Vec<Text>, pool: &mut Pool, name: &str) -> Option<u64> {
    let known = labels.iter().position(|label| pool.get(*label) == name);
    let bit = match known {
        Some(bit) => bit,
        None if labels.len() < MAX_LABELS => {
            labels.push(pool.add(name));
            labels.len().saturating_sub(1)
        }
        None => return None,
    };
    Some(1 << bit)
}

impl Compiler<'_> {
    /// Reads `[session]`.
    pub fn declare_session(&mut self, item: &Item<'_>) -> Result<(), PolicyError> {
        let table = item.clone().table(&SESSION)?;
        self.sessions.max_calls =
            table.read("max_calls", |item| Ok((small_count(item)?, item.span())))?;
        let keeping = &mut self.sessions.keeping;
        if let Some(idle_ms) = table.read("idle", duration)? {
            keeping.idle_ms = idle_ms;
        }
        if let Some(most) = table.read("max_sessions", small_count)? {
            keeping.most = most as usize;
        }
        if let Some(labels) = table.get("labels") {
            self.sessions.foreign = self.labels(&labels)?;
        }
        Ok(())
    }

    /// Reads the keys of a rule that are about sessions; none when it has none of them.
    pub fn session_clauses(
        &mut self,
        rule: &Table<'_>,
        id: &str,
        verb: Verb,
        tools: &[Item<'_>],
    ) -> Result<Option<u32>, PolicyError> {
        const KEYS: [&str; 7] =
            ["adds", "adds_when", "after", "cooldown", "labels", "max_calls", "once"];
        if KEYS.iter().all(|key| rule.get(key).is_none()) {
            return Ok(None);
        }
        check_effect(rule, verb)?;
        let mut clauses = Clauses { key: Hash::of(id, Case::Exact), ..Clauses::default() };
        let labels = rule.read("labels", |item| self.labels(item))?;
        clauses.labels = labels.unwrap_or_default();
        let adds = rule.read("adds", |item| self.labels(item))?;
        clauses.adds = adds.unwrap_or_default();
        clauses.adds_when = rule.read("adds_when", |item| {
            if clauses.adds == 0 {
                return Err(item.error("nothing is added: the key `adds` is missing"));
            }
            // As in a rule that denies: what may be so counts.
            let frame = Frame { side: Side::Refuse, skip: false, denies: true };
            self.table_of_conditions(item, frame, 1)
        })?;
        clauses.cooldown_ms = rule.read("cooldown", duration)?;
        clauses.max_calls = rule.read("max_calls", small_count)?;
        clauses.after = rule.read("after", |item| self.after(item, tools))?;
        clauses.once = rule.read("once", |item| {
            let argument = |item: &Item<'_>| {
                let text = item.text()?;
                text.strip_prefix("args.")
                    .map(Into::into)
                    .ok_or_else(|| item.error("an argument is written like args.id"))
            };
            self.arguments(item, tools, argument)
        })?;
        self.sessions.clauses.push(clauses);
        Ok(Some(self.sessions.clauses.len().saturating_sub(1) as u32))
    }

    /// Whether every label that a rule asks for can come about.
    pub fn check_labels(&mut self, rules: &Item<'_>) -> Result<(), PolicyError> {
        let (asked, added) = self.sessions.asked_and_added();
        let names = || (0_u32..).zip(&self.sessions.labels);
        let name = |wanted: u64| {
            let found = names().find(|(bit, _)| wanted & (1_u64 << *bit) != 0);
            found.map_or("", |(_, name)| self.pool.get(*name))
        };
        if asked & !added != 0 {
            let missing = name(asked & !added);
            let added = names().filter(|(bit, _)| added & (1_u64 << *bit) != 0);
            let added = added.map(|(_, name)| self.pool.get(*name));
            let error = rules.error(format!("no rule adds the label `{missing}`"));
            return Err(error
                .with_hint(
                    "one that another policy of the stack adds is listed in [session] labels",
                )
                .with_near(missing, added));
        }
        Ok(())
    }

    fn labels(&mut self, item: &Item<'_>) -> Result<u64, PolicyError> {
        let mut all = 0;
        for item in item.some_texts()? {
            let name = item.text()?;
            super::document::check_name(name, &item)?;
            let bit = label(&mut self.sessions.labels, &mut self.pool, name);
            all |=
                bit.ok_or_else(|| item.error(format!("a policy has at most {MAX_LABELS} labels")))?;
        }
        Ok(all)
    }

    fn after(&mut self, item: &Item<'_>, tools: &[Item<'_>]) -> Result<After, PolicyError> {
        let table = item.clone().table(&AFTER)?;
        let tool = table.require("tool")?;
        let name = tool.text()?;
        super::document::check_name(name, &tool)?;
        if name.contains(['*', '?']) {
            return Err(tool.error("`after` names one tool, without wildcards"));
        }
        let within_ms = table.read("within", duration)?;
        let same = table.get("same").map_or(Ok(List::default()), |item| {
            let argument = |item: &Item<'_>| {
                let text = item.text()?;
                match text.strip_prefix("args.") {
                    Some(short) => Err(item.error(format!("an argument is written {short} here"))),
                    None => Ok(text.into()),
                }
            };
            self.arguments(&item, tools, argument)
        })?;
        let key = self.trace_key(name, same);
        let known = self.sessions.traces.iter().position(|trace| trace.key == key);
        let trace = known.unwrap_or_else(|| {
            let tool = self.pool.add(name);
            self.sessions.traces.push(Trace { tool, key, same });
            self.sessions.traces.len().saturating_sub(1)
        });
        Ok(After { trace: trace as u32, within_ms })
    }

    /// What sessions know calls of a tool with the values of some arguments by.
    fn trace_key(&self, tool: &str, same: List) -> u64 {
        let mut hash = Hash::START;
        let mut add = |text: &str| {
            text.bytes().for_each(|byte| hash.add(byte));
            // No byte of UTF-8, so that no two lists of names run together to the same.
            hash.add(0xff);
        };
        add(tool);
        for path in same.of(&self.sessions.paths) {
            add("");
            for segment in path.of(&self.conditions.segments) {
                if let Segment::Name(name) = segment {
                    add(self.pool.get(*name));
                }
            }
        }
        hash.finish()
    }

    /// Reads a list of arguments that rules for `tools` look at.
    fn arguments(
        &mut self,
        item: &Item<'_>,
        tools: &[Item<'_>],
        read: impl Fn(&Item<'_>) -> Result<alloc::string::String, PolicyError>,
    ) -> Result<List, PolicyError> {
        let items = item.some_texts()?;
        if items.len() > MAX_ARGUMENTS {
            return Err(item.error(format!("at most {MAX_ARGUMENTS} arguments")));
        }
        let mut paths = Vec::new();
        for item in items {
            let list = self.plain_path(&read(&item)?, &item)?;
            let segments = list.of(&self.conditions.segments);
            let named = |segment: &Segment| matches!(segment, Segment::Name(_));
            if !segments.iter().all(named) {
                return Err(item.error("each of these is one argument"));
            }
            if let Some(Segment::Name(name)) = segments.first().copied() {
                self.claim_argument(tools, name);
            }
            paths.push(list);
        }
        // Rules that look at the same arguments share one list, and with it one digest.
        let all = &mut self.sessions.paths;
        let same = |one: &List, other: &List| {
            let (one, other) =
                (one.of(&self.conditions.segments), other.of(&self.conditions.segments));
            one.iter()
                .map(|segment| segment.name(&self.pool))
                .eq(other.iter().map(|segment| segment.name(&self.pool)))
        };
        let found = all
            .windows(paths.len().max(1))
            .position(|known| known.iter().zip(&paths).all(|(one, other)| same(one, other)));
        let first = found.unwrap_or_else(|| {
            all.extend_from_slice(&paths);
            all.len().saturating_sub(paths.len())
        });
        Ok(List { first: first as u32, end: first.saturating_add(paths.len()) as u32 })
    }

    /// Notes that the next rule expects its tools to declare an argument: one that they do not declare is
    /// never there.
    fn claim_argument(&mut self, tools: &[Item<'_>], name: Text) {
        let names = || tools.iter().filter_map(|tool| tool.text().ok());
        if !names().any(|name| name.contains(['*', '?'])) {
            let tools = names().map(|name| self.pool.add(name)).collect();
            self.claims.push(Claim { rule: self.rules.len() as u32, name, tools });
        }
    }
}

/// What a rule of an effect may ask: what was forgotten must not help a call, and what a call takes is taken
/// when it runs.
fn check_effect(rule: &Table<'_>, verb: Verb) -> Result<(), PolicyError> {
    let wrong = |keys: &[&str]| keys.iter().find_map(|key| rule.get(key));
    match verb {
        Verb::Allow => Ok(()),
        Verb::Ask => match wrong(&["adds", "adds_when", "cooldown", "max_calls", "once"]) {
            Some(item) => Err(item.error(
                "nothing is remembered of calls that a person must approve: only `labels` and `after` \
                 go with them",
            )),
            None => Ok(()),
        },
        Verb::Deny => {
            match wrong(&["adds", "adds_when", "after", "cooldown", "max_calls", "once"]) {
                Some(item) => Err(item
                    .error("a rule that denies asks a session only for `labels`")
                    .with_hint("labels are never forgotten: let the earlier call add one")),
                None => Ok(()),
            }
        }
    }
}

fn duration(item: &Item<'_>) -> Result<u64, PolicyError> {
    read_duration(item.text()?)
        .ok_or_else(|| item.error("a duration is written like 30s, 5m or 1h"))
}

fn small_count(item: &Item<'_>) -> Result<u32, PolicyError> {
    u32::try_from(item.count()?).map_err(|_| item.error("too many"))
}
