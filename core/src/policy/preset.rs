//! Policies by name, for who has no document yet or wants to start from one.

use alloc::vec::Vec;

use super::compile::Compiler;
use super::compiled::Policy;
use super::error::PolicyError;
use super::fields::Item;
use super::limit::{KeyPart, Limit, Rate};
use super::rule::{During, Effect, Rule};
use super::settings::UnknownTool;
use super::tree::{Span, Tree, Value};

const NAMES: [&str; 4] = ["permissive", "strict", "read_only", "business_hours"];

impl Policy {
    /// The policy of a guard without a policy document: every tool is allowed, also one that no
    /// list declares; arguments are validated and outputs masked as always.
    #[must_use]
    pub fn permissive() -> Self {
        let mut compiler = Compiler::default();
        permissive(&mut compiler);
        compiler.finish(Effect::Allow)
    }

    /// The preset called `name`: `permissive`; `strict`, which asks for the agent's name, refuses
    /// arguments that a tool does not declare and limits each agent to 100 calls an hour;
    /// `read_only`, which allows names that begin with `read_`, `get_`, `list_`, `search_` or
    /// `query_` and denies those that begin with `write_`, `delete_`, `update_` or `create_`; or
    /// `business_hours`, which denies `delete_*`, `drop_*` and `*_production` outside of 09:00-17:00
    /// UTC (a document that starts from it can name another zone with `tz`).
    ///
    /// # Errors
    /// An unknown name.
    pub fn preset(name: &str) -> Result<Self, PolicyError> {
        let mut compiler = Compiler::default();
        let tree = Tree { span: Span::default(), value: Value::Text(name.into()) };
        let default = compiler.start_from(&Item::root(&tree))?;
        Ok(compiler.finish(default))
    }
}

impl Compiler<'_> {
    /// Adds what the preset that `item` names says and returns its default effect.
    pub fn start_from(&mut self, item: &Item<'_>) -> Result<Effect, PolicyError> {
        let full = || item.error("too many rules");
        match item.text()? {
            "permissive" => {
                permissive(self);
                Ok(Effect::Allow)
            }
            "read_only" => {
                self.read_only().ok_or_else(full)?;
                Ok(Effect::Deny)
            }
            "strict" => {
                self.strict();
                Ok(Effect::Allow)
            }
            "business_hours" => {
                let window = self.hours((9 * 3600, 17 * 3600), item)?;
                self.business_hours(window).ok_or_else(full)?;
                Ok(Effect::Allow)
            }
            name => Err(item.error("no preset has this name").with_nearest(name, NAMES)),
        }
    }

    fn read_only(&mut self) -> Option<()> {
        const READS: [&str; 5] = ["read_*", "get_*", "list_*", "search_*", "query_*"];
        const WRITES: [&str; 4] = ["write_*", "delete_*", "update_*", "create_*"];
        let id = self.pool.add("read_only.read");
        self.add_rule(Rule { id, effect: Effect::Allow, ..Rule::default() }, READS)?;
        let id = self.pool.add("read_only.write");
        let hint = Some(self.pool.add("This agent may only read."));
        self.add_rule(Rule { id, hint, ..Rule::default() }, WRITES)
    }

    fn strict(&mut self) {
        self.settings.ghosts = super::settings::Ghosts::Reject;
        self.settings.needs_audit = true;
        self.require_agent = Some(None);
        let limit = Limit {
            id: self.pool.add("strict.calls"),
            span: None,
            key: Vec::from([KeyPart::Agent]),
            rate: Rate { count: 100, period_ms: 3_600_000 },
            burst: 100,
            refused: false,
        };
        self.add_limit(limit, ["*"]);
    }

    fn business_hours(&mut self, window: u32) -> Option<()> {
        const GUARDED: [&str; 3] = ["delete_*", "drop_*", "*_production"];
        let id = self.pool.add("business_hours");
        let hint = Some(self.pool.add("Wait for business hours, or ask a person to do it."));
        let time = Some(During { window, outside: true });
        self.add_rule(Rule { id, hint, time, ..Rule::default() }, GUARDED)
    }
}

fn permissive(compiler: &mut Compiler<'_>) {
    compiler.settings.unknown_tool = UnknownTool::Forward;
}
