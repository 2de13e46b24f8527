//! Policies in a stack, each of which can only narrow the ones above it.
//!
//! Every policy of a stack decides by itself and the strictest answer counts: deny before ask before
//! allow. So nobody who writes a lower one can allow what a higher one refuses, whatever it says, and no
//! rule of one is read in the light of another. The same holds for switches, masks and limits. What
//! cannot be said more strictly, only otherwise, belongs into the first policy, and saying it further
//! down is an error. Worst case: the sum of what the policies cost one by one.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::audit::AuditPolicy;
use super::budget::{Budget, Budgets};
use super::compiled::Policy;
use super::condition::Memory;
use super::decide::{Decision, Early, Ruling};
use super::error::PolicyError;
use super::index::Pattern;
use super::limit::{KeyPart, Limit, Limits};
use super::output::OutputPolicy;
use super::rule::List;
use super::settings::{Disclose, EmptyProperties, Ghosts, NearMiss, Settings, UnknownTool};
use super::tree::Span;
use crate::caller::Call;
use crate::json::Document;
use crate::reason::Reason;
use crate::schema::Schema;
use crate::session::Session;

/// Most policies in a stack.
const MAX_LAYERS: usize = 8;
/// Most different combinations of mask lists in a stack.
const MAX_MASKS: usize = 4096;

impl Policy {
    /// Puts `lower` under this policy, and under those that are already under it. The result allows what
    /// each of them allows and refuses what one of them refuses; its limits all apply, and its outputs
    /// are masked by each of them and cut by the tightest. A switch that one of them does not set has
    /// its default there, and counts.
    ///
    /// # Errors
    /// When `lower` says what only the first policy of a stack can say (`agents`, `audit`, `store`, and `style`,
    /// `allow` and `keep` of outputs), when not all or none are in shadow mode, and when there are more
    /// than eight policies or too many lists of masks.
    pub fn narrowed_by(mut self, mut lower: Self) -> Result<Self, PolicyError> {
        let layer = self.lower.len().saturating_add(1);
        lower.layer = layer;
        let error = |path: &str, message: &str| PolicyError {
            layer,
            ..PolicyError::new(Span::default(), path, message)
        };
        if layer >= MAX_LAYERS || !lower.lower.is_empty() {
            return Err(error("", "a stack is built from the top and has at most eight policies"));
        }
        if !lower.agents.is_empty() {
            return Err(error("agents", "only the first policy of a stack says who an agent is"));
        }
        if lower.audit != AuditPolicy::default() {
            return Err(error(
                "audit",
                "only the first policy of a stack says where its audit goes",
            ));
        }
        if lower.store.is_some() {
            return Err(error(
                "store",
                "only the first policy of a stack says where limits are kept",
            ));
        }
        if self.store.is_some() && !lower.budgets.is_empty() {
            return Err(error("budget", "processes cannot share a budget yet: leave out [store]"));
        }
        if lower.outputs.has_own_looks() {
            let message = "only the first policy of a stack says `style`, `allow` and `keep`";
            return Err(error("output", message));
        }
        if lower.settings.shadow != self.settings.shadow {
            let message = "a stack is in shadow mode as a whole or not at all";
            return Err(error("mode", message));
        }
        let lists = self.layers().chain([&lower]).map(|policy| policy.masks.len());
        if lists.fold(1, usize::saturating_mul) > MAX_MASKS {
            return Err(error("output", "too many different lists of masks in a stack"));
        }
        self.settings = self.settings.strictest(lower.settings);
        if lower.require_agent.is_some() && self.require_agent.is_none() {
            self.require_agent = Some(None);
        }
        self.take_sessions(&mut lower)?;
        self.take_limits(&mut lower);
        self.take_budgets(&mut lower);
        self.lower.push(lower);
        Ok(self)
    }

    /// This policy and those under it.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &Self> {
        core::iter::once(self).chain(&self.lower)
    }

    /// How many policies are in the stack: 1 for one by itself.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.lower.len().saturating_add(1)
    }

    /// Moves the limits of `lower` here, so that one table has them all.
    fn take_limits(&mut self, lower: &mut Self) {
        let first = self.limits.limits.len() as u32;
        let patterns = |limits: &Limits, policy: &Self| limits.tools.patterns(&policy.pool);
        let mut texts = patterns(&self.limits, self);
        let more = patterns(&lower.limits, lower).into_iter();
        texts.extend(more.map(|(text, limit)| (text, limit.saturating_add(first))));
        let mut limits = core::mem::take(&mut self.limits.limits);
        for limit in core::mem::take(&mut lower.limits.limits) {
            let id = self.free_id(&limits, lower.pool.get(limit.id), lower.layer);
            let key = limit.key.iter().map(|part| self.take_key(*part, lower)).collect();
            // Its place is one of another document.
            limits.push(Limit { id: self.pool.add(&id), span: None, key, ..limit });
        }
        let pattern = |(text, rule): (String, u32)| Pattern { text: self.pool.add(&text), rule };
        let patterns: Vec<Pattern> = texts.into_iter().map(pattern).collect();
        self.limits = Limits::new(limits, &patterns, &self.pool);
        lower.limits = Limits::new(Vec::new(), &[], &lower.pool);
    }

    /// Moves the budgets of `lower` here.
    fn take_budgets(&mut self, lower: &mut Self) {
        let first = self.budgets.budgets.len() as u32;
        let mut texts = self.budgets.tools.patterns(&self.pool);
        let more = lower.budgets.tools.patterns(&lower.pool).into_iter();
        texts.extend(more.map(|(text, budget)| (text, budget.saturating_add(first))));
        let mut budgets = core::mem::take(&mut self.budgets.budgets);
        for budget in core::mem::take(&mut lower.budgets.budgets) {
            let own = lower.pool.get(budget.name);
            let taken = budgets.iter().any(|known| self.pool.get(known.name) == own);
            let name = match taken {
                true => format!("{own}@{}", lower.layer.saturating_add(1)),
                false => own.to_string(),
            };
            let key = budget.key.iter().map(|part| self.take_key(*part, lower)).collect();
            let sum = self.take_path(budget.sum, lower);
            let spelt = self.pool.add(lower.pool.get(budget.spelt));
            let name = self.pool.add(&name);
            budgets.push(Budget { name, span: None, key, sum, spelt, ..budget });
        }
        let pattern = |(text, rule): (String, u32)| Pattern { text: self.pool.add(&text), rule };
        let patterns: Vec<Pattern> = texts.into_iter().map(pattern).collect();
        self.budgets = Budgets::new(budgets, &patterns, &self.pool);
        lower.budgets = Budgets::new(Vec::new(), &[], &lower.pool);
    }

    /// The id of a limit of a lower policy: its own, else with the number of the policy.
    fn free_id(&self, limits: &[Limit], id: &str, layer: usize) -> String {
        if limits.iter().any(|limit| self.pool.get(limit.id) == id) {
            return format!("{id}@{}", layer.saturating_add(1));
        }
        id.to_string()
    }

    fn take_key(&mut self, part: KeyPart, lower: &Self) -> KeyPart {
        match part {
            KeyPart::Argument(list) => KeyPart::Argument(self.take_path(list, lower)),
            part => part,
        }
    }

    fn take_path(&mut self, path: List, lower: &Self) -> List {
        let segments = &mut self.conditions.segments;
        let first = segments.len() as u32;
        for segment in path.of(&lower.conditions.segments) {
            segments.push(segment.moved(&lower.pool, &mut self.pool));
        }
        List { first, end: segments.len() as u32 }
    }

    /// The first step of a stack: open as long as no policy refuses and one asks for the arguments.
    pub(super) fn early_in_stack<'a>(&self, call: &Call<'a>) -> Early<'_, 'a> {
        let (mut open, mut all) = (None, None);
        for policy in self.layers() {
            match policy.early_alone(call) {
                Early::Open(found) => open = Some(found),
                Early::Settled(ruling) => all = Some(strictest(all, ruling)),
            }
        }
        match (all, open) {
            (Some(ruling), Some(_)) if rank(&ruling.decision) == DENY => Early::Settled(ruling),
            (_, Some(open)) => Early::Open(open),
            (Some(ruling), None) => Early::Settled(ruling),
            // A stack has policies, and each of them says something.
            (None, None) => Early::Settled(Ruling::refused(Reason::InternalError)),
        }
    }

    /// The second step of a stack.
    pub(super) fn judge_in_stack(
        &self,
        call: &Call<'_>,
        doc: Document<'_>,
        schema: Option<&Schema>,
        session: Option<&Session>,
        memory: &mut Memory<'_>,
    ) -> Ruling<'_> {
        let mut all = None;
        for policy in self.layers() {
            let mut ruling = match policy.early_alone(call) {
                Early::Settled(ruling) => policy.follow_alone(ruling, call, doc, session, memory),
                Early::Open(open) => policy.judge_alone(call, &open, doc, schema, session, memory),
            };
            if let Some(at) = &mut ruling.at {
                at.layer = policy.layer as u32;
            }
            all = Some(strictest(all, ruling));
        }
        all.unwrap_or_else(|| Ruling::refused(Reason::InternalError))
    }

    /// What a stack does with the output of `tool`: the tightest limits, and the masks of all. The list of
    /// masks is the one at this place among the combinations of [`combine`].
    pub(super) fn output_in_stack(&self, tool: &str) -> OutputPolicy {
        let mut all = self.outputs.find(tool, &self.pool);
        let mut lists = self.masks.len();
        for policy in &self.lower {
            let own = policy.outputs.find(tool, &policy.pool);
            all.mask = all.mask.saturating_add(own.mask.saturating_mul(lists));
            lists = lists.saturating_mul(policy.masks.len());
            let tightest = |one: Option<usize>, other: Option<usize>| match (one, other) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
            all.max_chars = tightest(all.max_chars, own.max_chars);
            all.max_bytes = tightest(all.max_bytes, own.max_bytes);
            all.max_lines = tightest(all.max_lines, own.max_lines);
            all.max_tokens = tightest(all.max_tokens, own.max_tokens);
            all.hidden = all.hidden.strictest(own.hidden);
        }
        all
    }
}

/// Every combination of a list of `upper` and one of `lower`, where [`Policy::output`] looks for it.
pub(crate) fn combine<T: Copy>(upper: &[T], lower: &[T], both: impl Fn(T, T) -> T) -> Vec<T> {
    let with = |own: &T| {
        let own = *own;
        upper.iter().map(move |list| (*list, own))
    };
    lower.iter().flat_map(with).map(|(list, own)| both(list, own)).collect()
}

const DENY: u8 = 2;

const fn rank(decision: &Decision<'_>) -> u8 {
    match decision {
        Decision::Allow { .. } => 0,
        Decision::Refuse { reason: Reason::ApprovalRequired, .. } => 1,
        Decision::Refuse { .. } => DENY,
    }
}

/// The stricter of two rulings, the first of equals; what either says besides is kept.
fn strictest<'p>(all: Option<Ruling<'p>>, one: Ruling<'p>) -> Ruling<'p> {
    let Some(all) = all else { return one };
    let (mut ruling, other) =
        if rank(&one.decision) > rank(&all.decision) { (one, all) } else { (all, one) };
    if let (Decision::Allow { rule: rule @ None }, Decision::Allow { rule: other }) =
        (&mut ruling.decision, other.decision)
    {
        *rule = other;
    }
    // What would become of the call is the stricter of what would become of it in each.
    let watched = ruling.would.is_some() || other.would.is_some();
    let (mine, theirs) =
        (ruling.would.unwrap_or(ruling.decision), other.would.unwrap_or(other.decision));
    let would = if rank(&theirs) > rank(&mine) { theirs } else { mine };
    ruling.would = (watched && would != ruling.decision).then_some(would);
    ruling.ttl_ms = match (ruling.ttl_ms, other.ttl_ms) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    ruling
}

impl Settings {
    /// Of each switch the stricter position.
    fn strictest(self, other: Self) -> Self {
        // Every field by name, so that a new one has to be thought of here.
        let Self {
            ghosts,
            near_miss,
            disclose,
            unknown_tool,
            hide,
            empty_properties,
            needs_audit,
            definitions,
            pins,
            shadow,
        } = self;
        Self {
            ghosts: stricter(ghosts, other.ghosts, &[Ghosts::Reject, Ghosts::Strip, Ghosts::Allow]),
            near_miss: stricter(near_miss, other.near_miss, &[NearMiss::Refuse, NearMiss::Strip]),
            disclose: stricter(
                disclose,
                other.disclose,
                &[Disclose::Opaque, Disclose::Code, Disclose::Full],
            ),
            unknown_tool: stricter(
                unknown_tool,
                other.unknown_tool,
                &[UnknownTool::Refuse, UnknownTool::Forward],
            ),
            hide: hide || other.hide,
            empty_properties: stricter(
                empty_properties,
                other.empty_properties,
                &[EmptyProperties::Closed, EmptyProperties::Open],
            ),
            needs_audit: needs_audit || other.needs_audit,
            definitions: definitions.strictest(other.definitions),
            pins: pins.strictest(other.pins),
            shadow: shadow && other.shadow,
        }
    }
}

/// The one that comes first in `order`.
fn stricter<T: Copy + PartialEq>(one: T, other: T, order: &[T]) -> T {
    let first = order.iter().find(|word| **word == one || **word == other);
    first.copied().unwrap_or(one)
}

impl super::output::Outputs {
    /// Whether an entry says how what is shown looks.
    fn has_own_looks(&self) -> bool {
        let own = |entry: &super::output::Entry| {
            entry.style.is_some() || entry.allow.is_some() || entry.keep.is_some()
        };
        self.entries.iter().any(own)
    }
}
