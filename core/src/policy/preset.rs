//! Policies by name, for who has no document yet or wants to start from one.

use super::compile::Compiler;
use super::compiled::Policy;
use super::error::PolicyError;
use super::rule::{Effect, Subject};
use super::settings::UnknownTool;
use super::tree::Span;

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

    /// The preset called `name`: `permissive`, or `read_only`, which allows names that begin with
    /// `read_`, `get_`, `list_`, `search_` or `query_` and denies those that begin with `write_`,
    /// `delete_`, `update_` or `create_`.
    ///
    /// # Errors
    /// An unknown name; `strict` and `business_hours`, which need what this version does not have.
    pub fn preset(name: &str) -> Result<Self, PolicyError> {
        let mut compiler = Compiler::default();
        let error = |message| PolicyError::new(Span::default(), "", message);
        let default = compiler.start_from(name, error)?;
        Ok(compiler.finish(default))
    }
}

impl Compiler {
    /// Adds what the preset called `name` says and returns its default effect.
    pub fn start_from(
        &mut self,
        name: &str,
        error: impl Fn(&'static str) -> PolicyError,
    ) -> Result<Effect, PolicyError> {
        match name {
            "permissive" => {
                permissive(self);
                Ok(Effect::Allow)
            }
            "read_only" => {
                self.read_only(&error)?;
                Ok(Effect::Deny)
            }
            "strict" => Err(error(
                "preset `strict` needs rate limits (100 calls an hour), and this version has none",
            )
            .with_hint("start from `read_only`, or write rules with `require_agent_id = true`")),
            "business_hours" => {
                Err(error("preset `business_hours` needs time windows, and this version has none")
                    .with_hint("deny the tools that it guards: delete_*, drop_*, *_production"))
            }
            _ => Err(error("no preset has this name").with_nearest(name, NAMES)),
        }
    }

    fn read_only(
        &mut self,
        error: &impl Fn(&'static str) -> PolicyError,
    ) -> Result<(), PolicyError> {
        const READS: [&str; 5] = ["read_*", "get_*", "list_*", "search_*", "query_*"];
        const WRITES: [&str; 4] = ["write_*", "delete_*", "update_*", "create_*"];
        const HINT: &str = "This agent may only read.";
        let everyone = Subject::default();
        let full = || error("too many rules");
        self.add_rule("read_only.read", None, Effect::Allow, READS, None, everyone)
            .ok_or_else(full)?;
        self.add_rule("read_only.write", None, Effect::Deny, WRITES, Some(HINT), everyone)
            .ok_or_else(full)?;
        Ok(())
    }
}

fn permissive(compiler: &mut Compiler) {
    compiler.settings.unknown_tool = UnknownTool::Forward;
}
