//! Reading a document.
//!
//! Everything in it is either honoured or an error with its place; the first one ends the reading.
//! Worst case: linear in the document but for sorting; names of up to 256 roles are closed under
//! inheritance in at most nine rounds.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::audit::AuditPolicy;
use super::compile::{Compiler, MAX_RULES};
use super::compiled::{Agent, Policy};
use super::condition::Segment;
use super::error::PolicyError;
use super::fields::{Item, Table};
use super::keys::{AGENT, ARGUMENTS, BUDGET, DEFINITIONS, DENIED, DOCUMENT, LIMIT, OUTPUT, RULE};
use super::limit::{KeyPart, Limit, Rate, read_duration};
use super::lint::Remark;
use super::mending::MendingEntry;
use super::output::{Entry, WordList, hidden_kinds};
use super::pin::PinPolicy;
use super::roles::{MAX_ROLES, Role, RoleSet};
use super::rule::{During, Effect, List, Rule, Subject};
use super::settings::{Disclose, EmptyProperties, Ghosts, NearMiss, Repair, UnknownTool};
use super::sql::Sql;
use super::store::StorePolicy;
use super::text::Text;
use super::time::{OnlyUtc, Zones};
use super::tree::Tree;
use super::when::Frame;
use crate::glob;
use crate::truncate::Keep;

/// Most bytes of a hint: a refusal has 2 KiB in all.
const MAX_HINT: usize = 512;
/// Most bytes of an id or a name.
pub(super) const MAX_NAME: usize = 128;

const DEFAULTS: [(&str, Effect); 2] = [("allow", Effect::Allow), ("deny", Effect::Deny)];
pub(super) const EFFECTS: [(&str, Effect); 3] =
    [("allow", Effect::Allow), ("ask", Effect::Ask), ("deny", Effect::Deny)];
const MODES: [(&str, bool); 2] = [("enforce", false), ("shadow", true)];

impl Policy {
    /// Compiles a document that is written in JSON.
    ///
    /// # Errors
    /// The first thing in it that cannot be read or honoured.
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        Self::from_tree(&Tree::from_json(text)?)
    }

    /// Compiles a document whose windows of time are all in UTC.
    ///
    /// # Errors
    /// The first thing in it that cannot be honoured.
    pub fn from_tree(tree: &Tree) -> Result<Self, PolicyError> {
        Self::compile(tree, &OnlyUtc)
    }

    /// Compiles a document; `zones` knows the time zones that it names.
    ///
    /// # Errors
    /// The first thing in it that cannot be honoured.
    pub fn compile(tree: &Tree, zones: &dyn Zones) -> Result<Self, PolicyError> {
        Self::compile_with(tree, zones, None)
    }

    /// Compiles a document with conditions on SQL, which `sql` reads.
    ///
    /// # Errors
    /// The first thing in it that cannot be honoured.
    pub fn compile_with(
        tree: &Tree,
        zones: &dyn Zones,
        sql: Option<Arc<dyn Sql>>,
    ) -> Result<Self, PolicyError> {
        tree.check_bounds()?;
        let document = Item::root(tree).table(&DOCUMENT)?;
        let mut compiler = Compiler::new(zones);
        compiler.conditions.sql = sql;
        let default = compiler.document(&document)?;
        Ok(compiler.finish(default))
    }
}

impl Compiler<'_> {
    /// Reads a whole document and returns its default effect.
    fn document(&mut self, document: &Table<'_>) -> Result<Effect, PolicyError> {
        document.read("airlock", check_version)?;
        document.read("tz", |item| {
            let name = item.text()?;
            self.find_zone(name, item)?;
            self.zone = Some(name.to_string());
            Ok(())
        })?;
        let base = document.read("preset", |item| self.start_from(item))?;
        self.name = document.read("name", |item| self.short_text(item))?;
        self.settings(document)?;
        self.masking(document)?;
        set(&mut self.audit, document.read("audit", AuditPolicy::read)?);
        self.store = document.read("store", StorePolicy::read)?;
        document.read("roles", |item| self.declare_roles(item))?;
        document.read("agents", |item| self.declare_agents(item))?;
        self.gates(document)?;
        document.read("sets", |item| self.declare_sets(item))?;
        document.read("kinds", |item| self.declare_kinds(item))?;
        document.read("calendar", |item| self.declare_calendar(item))?;
        for key in ["budget", "denied_tools", "limit", "rule", "test"] {
            if let Some(item) = document.get(key).filter(|item| item.is_list())
                && item.elements()?.is_empty()
            {
                let message = alloc::format!("`{key}` is an empty list");
                self.remarks.push(Remark::new("empty-list", Some(item.span()), message, None));
            }
        }
        let mut ids = BTreeSet::new();
        document.read("session", |item| self.declare_session(item))?;
        document.read("rule", |item| self.declare_rules(item, &mut ids))?;
        document.read("denied_tools", |item| self.denied_tools(item, &mut ids))?;
        document.read("allowed_tools", |item| self.allowed_tools(item, &mut ids))?;
        document.read("time_restrictions", |item| self.time_restrictions(item, &mut ids))?;
        document.read("limit", |item| self.declare_limits(item, &mut ids))?;
        document.read("budget", |item| self.declare_budgets(item, &mut ids))?;
        document.read("rate_limits", |item| self.rate_limits(item))?;
        document.read("arguments", |item| self.declare_arguments(item))?;
        document.read("output", |item| self.declare_outputs(item))?;
        document.read("test", |item| self.declare_tests(item, &ids))?;
        default_effect(document, base)
    }

    fn settings(&mut self, document: &Table<'_>) -> Result<(), PolicyError> {
        let settings = &mut self.settings;
        const GHOSTS: [(&str, Ghosts); 3] =
            [("strip", Ghosts::Strip), ("reject", Ghosts::Reject), ("allow", Ghosts::Allow)];
        if let (Some(_), Some(alias)) = (document.get("ghosts"), document.get("unknown_args")) {
            return Err(alias.error("`unknown_args` is another name of `ghosts`: write one"));
        }
        for key in ["ghosts", "unknown_args"] {
            set(&mut settings.ghosts, document.read(key, |item| item.word(&GHOSTS))?);
        }
        let near_miss = [("refuse", NearMiss::Refuse), ("strip", NearMiss::Strip)];
        set(&mut settings.near_miss, document.read("near_miss", |item| item.word(&near_miss))?);
        set(&mut self.repair, document.read("repair", repairs)?);
        let disclose =
            [("full", Disclose::Full), ("code", Disclose::Code), ("opaque", Disclose::Opaque)];
        set(&mut settings.disclose, document.read("disclose", |item| item.word(&disclose))?);
        let unknown = [("refuse", UnknownTool::Refuse), ("forward", UnknownTool::Forward)];
        set(&mut settings.unknown_tool, document.read("unknown_tool", |item| item.word(&unknown))?);
        let empty = [("open", EmptyProperties::Open), ("closed", EmptyProperties::Closed)];
        let read = document.read("empty_properties", |item| item.word(&empty))?;
        set(&mut settings.empty_properties, read);
        set(&mut settings.hide, document.read("hide", Item::boolean)?);
        document.read("definitions", |item| {
            let (refuse, strip) = hidden_kinds(&item.clone().table(&DEFINITIONS)?)?;
            let hiding = &mut settings.definitions;
            hiding.refuse = refuse.unwrap_or(hiding.refuse);
            hiding.strip = strip.unwrap_or(hiding.strip).without(hiding.refuse);
            Ok(())
        })?;
        set(&mut settings.pins, document.read("pins", PinPolicy::read)?);
        set(&mut settings.shadow, document.read("mode", |item| item.word(&MODES))?);
        Ok(())
    }

    fn masking(&mut self, document: &Table<'_>) -> Result<(), PolicyError> {
        set(&mut self.default_masks.pii, document.read("mask_pii", Item::boolean)?);
        set(&mut self.default_masks.secrets, document.read("mask_secrets", Item::boolean)?);
        self.max_chars = document.read("max_output_chars", limit)?;
        self.max_bytes = document.read("max_output_bytes", limit)?;
        self.max_lines = document.read("max_output_lines", limit)?;
        self.max_tokens = document.read("max_output_tokens", limit)?;
        Ok(())
    }

    fn declare_roles(&mut self, item: &Item<'_>) -> Result<(), PolicyError> {
        let entries = item.entries()?;
        for (member, value) in &entries {
            check_name(&member.name, value)?;
            self.roles.add(&member.name, &mut self.pool).ok_or_else(|| too_many_roles(value))?;
        }
        self.roles_declared = true;
        for (member, value) in &entries {
            let role = self.roles.find(&member.name, &self.pool);
            for parent in value.texts()? {
                let found = self.role(&parent)?;
                if role == Some(found) {
                    return Err(parent.error("a role cannot inherit itself"));
                }
                if let Some(role) = role {
                    self.roles.inherit(role, found);
                }
            }
        }
        self.roles.resolve().map_err(|role| {
            let name = self.pool.get(self.roles.name(role));
            let place = entries.iter().find(|(member, _)| member.name == name);
            let place = place.map_or(item, |(_, value)| value);
            place.error(format!("the role `{name}` inherits itself through the roles it inherits"))
        })
    }

    fn declare_agents(&mut self, item: &Item<'_>) -> Result<(), PolicyError> {
        for (member, value) in item.entries()? {
            check_name(&member.name, &value)?;
            let table = value.table(&AGENT)?;
            let roles = table.read("roles", Item::texts)?.unwrap_or_default();
            for role in &roles {
                self.role(role)?;
            }
            let roles = roles.iter().map(|role| role.text().map(Into::into));
            let tenant = table.read("tenant", |item| {
                let name = item.text()?;
                check_name(name, item).map(|()| name.into())
            })?;
            let roles = roles.collect::<Result<_, _>>()?;
            self.agents.push(Agent { name: member.name.as_str().into(), roles, tenant });
        }
        self.agents.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(())
    }

    fn gates(&mut self, document: &Table<'_>) -> Result<(), PolicyError> {
        let require = document
            .read("require_agent_id", |item| Ok(item.boolean()?.then(|| Some(item.span()))))?;
        // A preset may ask for it too.
        self.require_agent = require.unwrap_or(self.require_agent);
        self.allowed_roles = document
            .read("allowed_roles", |item| Ok((self.role_set(&item.some_texts()?)?, item.span())))?;
        Ok(())
    }

    fn declare_rules<'t>(
        &mut self,
        item: &Item<'t>,
        ids: &mut BTreeSet<String>,
    ) -> Result<(), PolicyError> {
        for element in item.elements()? {
            let rule = element.table(&RULE)?;
            let id = rule.require("id")?;
            check_name(id.text()?, &id)?;
            let effect = rule.require("effect")?.word(&EFFECTS)?;
            let tools = rule.require("tools")?.some_texts()?;
            let subject = self.subject(&rule)?;
            let hint = rule.read("hint", hint)?;
            let shadow = rule.read("mode", |item| item.word(&MODES))?.unwrap_or(false);
            let ttl_ms = rule.read("ttl", |item| ttl(item, effect))?;
            let skip = rule.read("missing", |item| missing(item, effect))?.unwrap_or(false);
            let frame = Frame { side: effect.side(), skip, denies: effect == Effect::Deny };
            let before = self.conditions.conditions.len();
            let (time, when) =
                rule.read("when", |item| self.when(item, frame))?.unwrap_or_default();
            self.claim(&tools, before);
            let session = self.session_clauses(&rule, id.text()?, effect, &tools)?;
            let compiled = Rule {
                span: Some(rule.span()),
                effect,
                hint: hint.map(|hint| self.pool.add(hint)),
                subject,
                time,
                when,
                session,
                skip,
                shadow,
                ttl_ms,
                ..Rule::default()
            };
            self.add(RuleEntry { id: id.text()?, place: &id, tools, rule: compiled }, ids)?;
        }
        self.check_labels(item)
    }

    fn subject(&mut self, rule: &Table<'_>) -> Result<Subject, PolicyError> {
        Ok(Subject {
            roles: rule.read("roles", |item| self.role_set(&item.some_texts()?))?,
            except: rule
                .read("except_roles", |item| self.role_set(&item.some_texts()?))?
                .unwrap_or_default(),
            agents: rule.read("agents", |item| self.name_patterns(item))?,
            tenants: rule.read("tenants", |item| self.name_patterns(item))?,
            servers: rule.read("servers", |item| self.name_patterns(item))?,
        })
    }

    fn denied_tools(
        &mut self,
        item: &Item<'_>,
        ids: &mut BTreeSet<String>,
    ) -> Result<(), PolicyError> {
        for (index, entry) in item.elements()?.into_iter().enumerate() {
            let (tools, hint) = if entry.is_table() {
                let table = entry.clone().table(&DENIED)?;
                (table.require("tools")?.some_texts()?, table.read("hint", hint)?)
            } else {
                entry.text()?;
                (Vec::from([entry.clone()]), None)
            };
            let hint = hint.map(|hint| self.pool.add(hint));
            let rule = Rule { span: Some(entry.span()), hint, ..Rule::default() };
            let id = &format!("denied_tools[{index}]");
            self.add(RuleEntry { id, place: &entry, tools, rule }, ids)?;
        }
        Ok(())
    }

    fn allowed_tools(
        &mut self,
        item: &Item<'_>,
        ids: &mut BTreeSet<String>,
    ) -> Result<(), PolicyError> {
        // Unlike an empty list of subjects this one is plain: nothing is allowed.
        let rule = Rule { span: Some(item.span()), effect: Effect::Allow, ..Rule::default() };
        self.add(RuleEntry { id: "allowed_tools", place: item, tools: item.texts()?, rule }, ids)
    }

    /// Each entry denies the tools that it names outside of its window.
    fn time_restrictions(
        &mut self,
        item: &Item<'_>,
        ids: &mut BTreeSet<String>,
    ) -> Result<(), PolicyError> {
        for (member, value) in item.entries()? {
            check_glob(&member.name, &value)?;
            let time = Some(During { window: self.window(&value)?, outside: true });
            let rule = Rule { span: Some(value.span()), time, ..Rule::default() };
            self.add_to(value.path(), &value, rule, [member.name.as_str()], ids)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        entry: RuleEntry<'_, '_>,
        ids: &mut BTreeSet<String>,
    ) -> Result<(), PolicyError> {
        let RuleEntry { id, place, tools, rule } = entry;
        tools.iter().try_for_each(check_pattern)?;
        let patterns = tools.iter().filter_map(|tool| tool.text().ok());
        self.add_to(id, place, rule, patterns, ids)
    }

    fn add_to<'a>(
        &mut self,
        id: &str,
        place: &Item<'_>,
        rule: Rule,
        patterns: impl IntoIterator<Item = &'a str>,
        ids: &mut BTreeSet<String>,
    ) -> Result<(), PolicyError> {
        take_id(id, place, ids)?;
        let rule = Rule { id: self.pool.add(id), ..rule };
        self.add_rule(rule, patterns)
            .ok_or_else(|| place.error(format!("a policy has at most {MAX_RULES} rules")))
    }

    fn declare_limits(
        &mut self,
        item: &Item<'_>,
        ids: &mut BTreeSet<String>,
    ) -> Result<(), PolicyError> {
        // Limits are named `limit:ID` where rules are named too.
        for element in item.elements()? {
            let table = element.table(&LIMIT)?;
            let id = table.require("id")?;
            check_name(id.text()?, &id)?;
            take_id(&format!("limit:{}", id.text()?), &id, ids)?;
            let tools = table.require("tools")?.some_texts()?;
            tools.iter().try_for_each(check_pattern)?;
            let rate = rate(&table.require("rate")?)?;
            let burst = table.read("burst", |item| {
                u32::try_from(item.count()?).map_err(|_| item.error("too many at once"))
            })?;
            let mut key = Vec::new();
            for part in table.read("key", Item::some_texts)?.iter().flatten() {
                key.push(self.key_part(part)?);
            }
            let refused = table.read("refused", Item::boolean)?.unwrap_or(false);
            let reads = |part: &KeyPart| matches!(part, KeyPart::Argument(_));
            if refused && key.iter().any(reads) {
                return Err(id.error("the arguments of refused calls are not read for a limit"));
            }
            let burst = burst.unwrap_or(rate.count);
            let span = Some(table.span());
            let limit = Limit { id: self.pool.add(id.text()?), span, key, rate, burst, refused };
            self.add_limit(limit, tools.iter().filter_map(|tool| tool.text().ok()));
        }
        Ok(())
    }

    fn declare_budgets(
        &mut self,
        item: &Item<'_>,
        ids: &mut BTreeSet<String>,
    ) -> Result<(), PolicyError> {
        if self.store.is_some() {
            return Err(item
                .error("processes cannot share a budget yet")
                .with_hint("without [store] each process counts for itself"));
        }
        for element in item.elements()? {
            let table = element.table(&BUDGET)?;
            let id = table.require("id")?;
            check_name(id.text()?, &id)?;
            let name = format!("budget:{}", id.text()?);
            take_id(&name, &id, ids)?;
            let tools = table.require("tools")?.some_texts()?;
            tools.iter().try_for_each(check_pattern)?;
            let mut key = Vec::new();
            for part in table.read("key", Item::some_texts)?.iter().flatten() {
                key.push(self.key_part(part)?);
            }
            let budget = self.declare_budget(&table, &name, key)?;
            self.add_budget(budget, tools.iter().filter_map(|tool| tool.text().ok()));
        }
        Ok(())
    }

    /// Limits of the simple form count each agent for itself, and all that name a tool apply.
    fn rate_limits(&mut self, item: &Item<'_>) -> Result<(), PolicyError> {
        for (member, value) in item.entries()? {
            check_glob(&member.name, &value)?;
            let rate = rate(&value)?;
            let limit = Limit {
                id: self.pool.add(value.path()),
                span: Some(value.span()),
                key: Vec::from([KeyPart::Agent]),
                rate,
                burst: rate.count,
                refused: false,
            };
            self.add_limit(limit, [member.name.as_str()]);
        }
        Ok(())
    }

    fn key_part(&mut self, item: &Item<'_>) -> Result<KeyPart, PolicyError> {
        const PARTS: [(&str, KeyPart); 6] = [
            ("agent", KeyPart::Agent),
            ("role", KeyPart::Role),
            ("server", KeyPart::Server),
            ("session", KeyPart::Session),
            ("tenant", KeyPart::Tenant),
            ("tool", KeyPart::Tool),
        ];
        let Some(path) = item.text()?.strip_prefix("args.") else { return item.word(&PARTS) };
        let list = self.plain_path(path, item)?;
        let named = |segment: &Segment| matches!(segment, Segment::Name(_));
        if !list.of(&self.conditions.segments).iter().all(named) {
            return Err(item.error("a key is one argument"));
        }
        Ok(KeyPart::Argument(list))
    }

    fn declare_arguments(&mut self, item: &Item<'_>) -> Result<(), PolicyError> {
        for (member, value) in item.entries()? {
            check_glob(&member.name, &value)?;
            let table = value.table(&ARGUMENTS)?;
            if let Some(repair) = table.read("repair", repairs)? {
                let (pattern, span) = (self.pool.add(&member.name), Some(member.span));
                self.mending.push(MendingEntry { pattern, span, repair, adds: false });
            }
        }
        Ok(())
    }

    fn declare_outputs(&mut self, item: &Item<'_>) -> Result<(), PolicyError> {
        for (member, value) in item.entries()? {
            if let Err(error) = glob::check(&member.name) {
                return Err(value.error(error.to_string()));
            }
            let table = value.table(&OUTPUT)?;
            let (refuse, strip) = hidden_kinds(&table)?;
            let keep = [("head", Keep::Head), ("middle", Keep::Ends), ("tail", Keep::Tail)];
            self.outputs.push(Entry {
                pattern: self.pool.add(&member.name),
                span: member.span,
                mask: keep_list(table.read("mask", mask_list)?, &mut self.masks),
                style: keep_list(table.read("style", style_list)?, &mut self.styles),
                allow: keep_list(table.read("allow", allow_list)?, &mut self.allows),
                max_chars: table.read("max_chars", limit)?,
                max_bytes: table.read("max_bytes", limit)?,
                max_lines: table.read("max_lines", limit)?,
                max_tokens: table.read("max_tokens", limit)?,
                keep: table.read("keep", |item| item.word(&keep))?,
                refuse,
                strip,
            });
        }
        Ok(())
    }

    fn name_patterns(&mut self, item: &Item<'_>) -> Result<List, PolicyError> {
        let first = self.subjects.len() as u32;
        for pattern in item.some_texts()? {
            check_pattern(&pattern)?;
            self.subjects.push(self.pool.add(pattern.text()?));
        }
        Ok(List { first, end: self.subjects.len() as u32 })
    }

    fn role_set(&mut self, items: &[Item<'_>]) -> Result<RoleSet, PolicyError> {
        let mut set = RoleSet::default();
        for item in items {
            set.insert(self.role(item)?);
        }
        Ok(set)
    }

    fn role(&mut self, item: &Item<'_>) -> Result<Role, PolicyError> {
        let name = item.text()?;
        check_name(name, item)?;
        if self.roles_declared && self.roles.find(name, &self.pool).is_none() {
            let error = item.error(format!("the role `{name}` is not in [roles]"));
            return Err(error.with_nearest(name, self.roles.names(&self.pool)));
        }
        self.roles.add(name, &mut self.pool).ok_or_else(|| too_many_roles(item))
    }

    fn short_text(&mut self, item: &Item<'_>) -> Result<Text, PolicyError> {
        let text = item.text()?;
        check_name(text, item)?;
        Ok(self.pool.add(text))
    }
}

/// A rule as the document has it.
struct RuleEntry<'e, 't> {
    id: &'e str,
    /// Where an error about the whole rule is shown.
    place: &'e Item<'t>,
    tools: Vec<Item<'t>>,
    rule: Rule,
}

fn take_id(id: &str, place: &Item<'_>, ids: &mut BTreeSet<String>) -> Result<(), PolicyError> {
    if id == "default" {
        return Err(place.error("`default` names the decision that no rule makes"));
    }
    if !ids.insert(id.to_string()) {
        return Err(place.error(format!("another rule has the id `{id}`")));
    }
    Ok(())
}

fn rate(item: &Item<'_>) -> Result<Rate, PolicyError> {
    Rate::read(item.text()?).ok_or_else(|| {
        item.error("a rate is written like 100/hour or 60/1m, and is above 0")
            .with_hint("periods are second, minute, hour, day or a number with s, m, h or d")
    })
}

fn ttl(item: &Item<'_>, effect: Effect) -> Result<u64, PolicyError> {
    if effect != Effect::Ask {
        return Err(item.error("only an approval (`effect = \"ask\"`) has a time to live"));
    }
    read_duration(item.text()?)
        .ok_or_else(|| item.error("a duration is written like 30s, 5m or 1h"))
}

fn missing(item: &Item<'_>, effect: Effect) -> Result<bool, PolicyError> {
    let skip = item.word(&[("deny", false), ("skip", true)])?;
    if effect != Effect::Deny {
        let error = item.error("only a rule that denies can skip what is missing");
        return Err(error.with_hint("write optional = true in the condition"));
    }
    Ok(skip)
}

fn check_glob(pattern: &str, place: &Item<'_>) -> Result<(), PolicyError> {
    glob::check(pattern).map_err(|error| place.error(error.to_string()))
}

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

fn check_version(item: &Item<'_>) -> Result<(), PolicyError> {
    match item.count()? {
        1 => Ok(()),
        other => Err(item.error(format!("this version reads format 1, not {other}"))),
    }
}

/// A document that says what is allowed denies the rest, unless it says otherwise.
fn default_effect(document: &Table<'_>, base: Option<Effect>) -> Result<Effect, PolicyError> {
    let lists = document.get("allowed_tools").is_some();
    let Some(item) = document.get("default") else {
        let has_rules = lists || document.get("rule").is_some();
        return Ok(if has_rules { Effect::Deny } else { base.unwrap_or(Effect::Allow) });
    };
    let effect = item.word(&DEFAULTS)?;
    if effect == Effect::Allow && lists {
        return Err(item.error("`allowed_tools` means that nothing else is allowed"));
    }
    Ok(effect)
}

fn check_pattern(item: &Item<'_>) -> Result<(), PolicyError> {
    glob::check(item.text()?).map_err(|error| item.error(error.to_string()))
}

pub(super) fn check_name(name: &str, place: &Item<'_>) -> Result<(), PolicyError> {
    if name.is_empty() {
        return Err(place.error("an empty name"));
    }
    if name.len() > MAX_NAME || name.chars().any(char::is_control) {
        let message = format!("a name has at most {MAX_NAME} bytes and no control characters");
        return Err(place.error(message));
    }
    Ok(())
}

fn too_many_roles(place: &Item<'_>) -> PolicyError {
    place.error(format!("a policy names at most {MAX_ROLES} roles"))
}

fn hint<'t>(item: &Item<'t>) -> Result<&'t str, PolicyError> {
    let text = item.text()?;
    if text.len() > MAX_HINT {
        return Err(item.error(format!("a hint has at most {MAX_HINT} bytes")));
    }
    Ok(text)
}

fn limit(item: &Item<'_>) -> Result<usize, PolicyError> {
    let count = item.count().map_err(|error| error.with_hint("leave the key out for no limit"))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

fn mask_list(item: &Item<'_>) -> Result<WordList, PolicyError> {
    let words = item.texts()?;
    for word in &words {
        check_name(word.text()?.trim_start_matches('-'), word)?;
    }
    let types = words.iter().filter_map(|word| word.text().ok());
    Ok(WordList::new(types, item.span(), item.path().to_string()))
}

/// One style for all types, or a table of types and their styles, in words `type=style`.
fn style_list(item: &Item<'_>) -> Result<WordList, PolicyError> {
    let mut words = Vec::new();
    if item.is_table() {
        for (member, style) in item.entries()? {
            check_name(&member.name, &style)?;
            words.push(format!("{}={}", member.name, style.text()?));
        }
    } else {
        words.push(item.text()?.to_string());
    }
    Ok(WordList::new(words, item.span(), item.path().to_string()))
}

fn allow_list(item: &Item<'_>) -> Result<WordList, PolicyError> {
    let entries = item.texts()?;
    let words = entries.iter().filter_map(|entry| entry.text().ok());
    Ok(WordList::new(words, item.span(), item.path().to_string()))
}

/// The list is whole: it replaces that of the preset.
fn repairs(item: &Item<'_>) -> Result<Repair, PolicyError> {
    const WORDS: [(&str, Repair); 2] =
        [("json-string", Repair::JSON_STRING), ("scalar", Repair::SCALAR)];
    let words = item.texts()?;
    words.iter().try_fold(Repair::default(), |all, word| Ok(all.or(word.word(&WORDS)?)))
}

/// Adds the list and answers its index, once the default list stands before all.
fn keep_list(list: Option<WordList>, lists: &mut Vec<WordList>) -> Option<usize> {
    lists.push(list?);
    Some(lists.len())
}
