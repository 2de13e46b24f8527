//! Reading a document.
//!
//! Everything in it is either honoured or an error with its place; the first one ends the reading.
//! Worst case: linear in the document but for sorting; names of up to 256 roles are closed under
//! inheritance in at most nine rounds.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::compile::{Compiler, MAX_RULES};
use super::compiled::{Agent, Policy};
use super::error::PolicyError;
use super::fields::{Item, Table};
use super::keys::{AGENT, DENIED, DOCUMENT, OUTPUT, RULE};
use super::output::{Entry, WordList};
use super::roles::{MAX_ROLES, Role, RoleSet};
use super::rule::{Effect, List, Subject};
use super::settings::{Disclose, EmptyProperties, Ghosts, NearMiss, Repair, UnknownTool};
use super::text::Text;
use super::tree::{Span, Tree};
use crate::glob;
use crate::truncate::Keep;

/// Most bytes of a hint: a refusal has 2 KiB in all.
const MAX_HINT: usize = 512;
/// Most bytes of an id or a name.
const MAX_NAME: usize = 128;

const EFFECTS: [(&str, Effect); 2] = [("allow", Effect::Allow), ("deny", Effect::Deny)];

impl Policy {
    /// Compiles a document that is written in JSON.
    ///
    /// # Errors
    /// The first thing in it that cannot be read or honoured.
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        Self::from_tree(&Tree::from_json(text)?)
    }

    /// Compiles a document.
    ///
    /// # Errors
    /// The first thing in it that cannot be honoured.
    pub fn from_tree(tree: &Tree) -> Result<Self, PolicyError> {
        tree.check_bounds()?;
        let document = Item::root(tree).table(&DOCUMENT)?;
        let mut compiler = Compiler::default();
        let default = compiler.document(&document)?;
        Ok(compiler.finish(default))
    }
}

impl Compiler {
    /// Reads a whole document and returns its default effect.
    fn document(&mut self, document: &Table<'_>) -> Result<Effect, PolicyError> {
        document.read("airlock", check_version)?;
        let base = document.read("preset", |item| {
            let error = |message| item.error(message);
            self.start_from(item.text()?, error)
        })?;
        self.name = document.read("name", |item| self.short_text(item))?;
        self.settings(document)?;
        self.masking(document)?;
        document.read("roles", |item| self.declare_roles(item))?;
        document.read("agents", |item| self.declare_agents(item))?;
        self.gates(document)?;
        let mut ids = BTreeSet::new();
        document.read("rule", |item| self.declare_rules(item, &mut ids))?;
        document.read("denied_tools", |item| self.denied_tools(item, &mut ids))?;
        document.read("allowed_tools", |item| self.allowed_tools(item, &mut ids))?;
        document.read("output", |item| self.declare_outputs(item))?;
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
        let repairs = [("json-string", Repair { json_string: true })];
        if let Some(item) = document.get("repair") {
            // The list is whole: it replaces that of the preset.
            settings.repair = Repair::default();
            for repair in item.texts()? {
                settings.repair = repair.word(&repairs)?;
            }
        }
        let disclose =
            [("full", Disclose::Full), ("code", Disclose::Code), ("opaque", Disclose::Opaque)];
        set(&mut settings.disclose, document.read("disclose", |item| item.word(&disclose))?);
        let unknown = [("refuse", UnknownTool::Refuse), ("forward", UnknownTool::Forward)];
        set(&mut settings.unknown_tool, document.read("unknown_tool", |item| item.word(&unknown))?);
        let empty = [("open", EmptyProperties::Open), ("closed", EmptyProperties::Closed)];
        let read = document.read("empty_properties", |item| item.word(&empty))?;
        set(&mut settings.empty_properties, read);
        set(&mut settings.hide, document.read("hide", Item::boolean)?);
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
        self.require_agent = document
            .read("require_agent_id", |item| Ok(item.boolean()?.then(|| item.span())))?
            .flatten();
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
            let effect = rule.require("effect")?;
            if effect.text()? == "ask" {
                return Err(effect.error("this version does not support approvals (`ask`)"));
            }
            let effect = effect.word(&EFFECTS)?;
            let tools = rule.require("tools")?;
            let subject = self.subject(&rule)?;
            let hint = rule.read("hint", hint)?;
            let entry = RuleEntry {
                id: id.text()?,
                place: &id,
                span: rule.span(),
                effect,
                tools: tools.some_texts()?,
                hint,
                subject,
            };
            self.add(entry, ids)?;
        }
        Ok(())
    }

    fn subject(&mut self, rule: &Table<'_>) -> Result<Subject, PolicyError> {
        Ok(Subject {
            roles: rule.read("roles", |item| self.role_set(&item.some_texts()?))?,
            except: rule
                .read("except_roles", |item| self.role_set(&item.some_texts()?))?
                .unwrap_or_default(),
            agents: rule.read("agents", |item| self.name_patterns(item))?,
            tenants: rule.read("tenants", |item| self.name_patterns(item))?,
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
            let entry = RuleEntry {
                id: &format!("denied_tools[{index}]"),
                place: &entry,
                span: entry.span(),
                effect: Effect::Deny,
                tools,
                hint,
                subject: Subject::default(),
            };
            self.add(entry, ids)?;
        }
        Ok(())
    }

    fn allowed_tools(
        &mut self,
        item: &Item<'_>,
        ids: &mut BTreeSet<String>,
    ) -> Result<(), PolicyError> {
        // Unlike an empty list of subjects this one is plain: nothing is allowed.
        let entry = RuleEntry {
            id: "allowed_tools",
            place: item,
            span: item.span(),
            effect: Effect::Allow,
            tools: item.texts()?,
            hint: None,
            subject: Subject::default(),
        };
        self.add(entry, ids)
    }

    fn add(
        &mut self,
        entry: RuleEntry<'_, '_>,
        ids: &mut BTreeSet<String>,
    ) -> Result<(), PolicyError> {
        let RuleEntry { id, place, span, effect, tools, hint, subject } = entry;
        if id == "default" {
            return Err(place.error("`default` names the decision that no rule makes"));
        }
        if !ids.insert(id.to_string()) {
            return Err(place.error(format!("another rule has the id `{id}`")));
        }
        tools.iter().try_for_each(check_pattern)?;
        let patterns = tools.iter().filter_map(|tool| tool.text().ok());
        self.add_rule(id, Some(span), effect, patterns, hint, subject)
            .ok_or_else(|| place.error(format!("a policy has at most {MAX_RULES} rules")))
    }

    fn declare_outputs(&mut self, item: &Item<'_>) -> Result<(), PolicyError> {
        for (member, value) in item.entries()? {
            if let Err(error) = glob::check(&member.name) {
                return Err(value.error(error.to_string()));
            }
            let table = value.table(&OUTPUT)?;
            let keep = [("head", Keep::Head), ("middle", Keep::Ends), ("tail", Keep::Tail)];
            self.outputs.push(Entry {
                pattern: self.pool.add(&member.name),
                mask: keep_list(table.read("mask", mask_list)?, &mut self.masks),
                style: keep_list(table.read("style", style_list)?, &mut self.styles),
                allow: keep_list(table.read("allow", allow_list)?, &mut self.allows),
                max_chars: table.read("max_chars", limit)?,
                max_bytes: table.read("max_bytes", limit)?,
                max_lines: table.read("max_lines", limit)?,
                max_tokens: table.read("max_tokens", limit)?,
                keep: table.read("keep", |item| item.word(&keep))?,
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
    span: Span,
    effect: Effect,
    tools: Vec<Item<'t>>,
    hint: Option<&'t str>,
    subject: Subject,
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
    let effect = item.word(&EFFECTS)?;
    if effect == Effect::Allow && lists {
        return Err(item.error("`allowed_tools` means that nothing else is allowed"));
    }
    Ok(effect)
}

fn check_pattern(item: &Item<'_>) -> Result<(), PolicyError> {
    glob::check(item.text()?).map_err(|error| item.error(error.to_string()))
}

fn check_name(name: &str, place: &Item<'_>) -> Result<(), PolicyError> {
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

/// Adds the list and answers its index, once the default list stands before all.
fn keep_list(list: Option<WordList>, lists: &mut Vec<WordList>) -> Option<usize> {
    lists.push(list?);
    Some(lists.len())
}
