//! A policy by tool name alone, for programs without an allocator.
//!
//! Two lists of patterns that can be constants of the program. A decision tries every pattern;
//! there is no index, so the cost is linear in the lists.

use crate::glob::{self, Case, GlobError};
use crate::reason::Reason;

/// What is allowed and what is denied, by patterns over tool names.
///
/// ```
/// use airlock_core::policy::NamePolicy;
///
/// const POLICY: NamePolicy<'_> = match NamePolicy::new(&["read_*", "led_?"], &["*_factory"]) {
///     Ok(policy) => policy,
///     Err(_) => panic!("a pattern is not valid"), // while compiling, never on the device
/// };
/// assert!(POLICY.decide("read_sensor").is_ok());
/// assert!(POLICY.decide("read_factory").is_err());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NamePolicy<'a> {
    allow: &'a [&'a str],
    deny: &'a [&'a str],
}

impl<'a> NamePolicy<'a> {
    /// Allows the names that one of `allow` covers and none of `deny`. `allow` tells letters of
    /// different case apart, `deny` does not. An empty `allow` allows nothing.
    ///
    /// # Errors
    /// The first pattern that [`glob::check`] refuses.
    pub const fn new(allow: &'a [&'a str], deny: &'a [&'a str]) -> Result<Self, GlobError> {
        match (check_all(allow), check_all(deny)) {
            (Err(error), _) | (_, Err(error)) => Err(error),
            (Ok(()), Ok(())) => Ok(Self { allow, deny }),
        }
    }

    /// Decides on a call to `tool`.
    ///
    /// # Errors
    /// [`Reason::ToolDenied`] when a deny pattern covers the name, else [`Reason::ToolNotAllowed`]
    /// when no allow pattern does.
    pub fn decide(&self, tool: &str) -> Result<(), Reason> {
        let covers = |list: &[&str], case| list.iter().any(|p| glob::matches(p, tool, case));
        if covers(self.deny, Case::Fold) {
            Err(Reason::ToolDenied)
        } else if covers(self.allow, Case::Exact) {
            Ok(())
        } else {
            Err(Reason::ToolNotAllowed)
        }
    }
}

const fn check_all(mut patterns: &[&str]) -> Result<(), GlobError> {
    while let [pattern, rest @ ..] = patterns {
        if let Err(error) = glob::check(pattern) {
            return Err(error);
        }
        patterns = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deny_wins_and_the_rest_is_not_allowed() {
        let policy = NamePolicy::new(&["read_*", "drop_log"], &["drop_*"]).unwrap();
        assert_eq!(policy.decide("read_file"), Ok(()));
        assert_eq!(policy.decide("drop_log"), Err(Reason::ToolDenied));
        assert_eq!(policy.decide("DROP_log"), Err(Reason::ToolDenied));
        assert_eq!(policy.decide("READ_file"), Err(Reason::ToolNotAllowed));
        let nothing = NamePolicy::new(&[], &[]).unwrap();
        assert_eq!(nothing.decide("read_file"), Err(Reason::ToolNotAllowed));
    }

    #[test]
    fn a_bad_pattern_in_either_list_is_an_error() {
        assert_eq!(NamePolicy::new(&["a", ""], &[]).err(), Some(GlobError::Empty));
        let class = GlobError::Unsupported { offset: 0 };
        assert_eq!(NamePolicy::new(&["a"], &["b", "[c]"]).err(), Some(class));
    }
}
