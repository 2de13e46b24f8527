//! What a policy says about the store that processes share: the table `[store]`.

use alloc::boxed::Box;

use super::error::PolicyError;
use super::fields::Item;
use super::keys::STORE;

/// Most milliseconds that a decision waits for the store.
const MAX_TIMEOUT: u64 = 10_000;
/// Most bytes of a namespace or a key.
const MAX_KEY: usize = 128;

/// What becomes of calls with limits while the store does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLoss {
    /// Each process counts for itself: all of them together admit at most the rate times their number.
    Fallback,
    /// They are refused.
    #[default]
    Refuse,
}

/// Where limits are kept that several processes share.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorePolicy {
    /// Key `redis`: the URL of the server, without a password; none when the host says it.
    pub redis: Option<Box<str>>,
    /// Key `ca_file`: the file of the certificates by which that of the server is checked; none for those of the
    /// system.
    pub ca_file: Option<Box<str>>,
    /// Key `on_loss`.
    pub on_loss: OnLoss,
    /// Key `timeout_ms`: how long a decision waits, in milliseconds.
    pub timeout_ms: u32,
    /// Key `namespace`: policies with the same one share their limits; none for the name of the policy.
    pub namespace: Option<Box<str>>,
    /// Key `kill_key`: all calls are halted while the store has this key.
    pub kill_key: Option<Box<str>>,
}

impl Default for StorePolicy {
    fn default() -> Self {
        Self {
            redis: None,
            ca_file: None,
            on_loss: OnLoss::default(),
            timeout_ms: 50,
            namespace: None,
            kill_key: None,
        }
    }
}

impl StorePolicy {
    pub(super) fn read(item: &Item<'_>) -> Result<Self, PolicyError> {
        const LOSS: [(&str, OnLoss); 2] =
            [("fallback", OnLoss::Fallback), ("refuse", OnLoss::Refuse)];
        let table = item.clone().table(&STORE)?;
        Ok(Self {
            redis: table.read("redis", url)?,
            ca_file: table.read("ca_file", |item| match item.text()? {
                "" => Err(item.error("the path of a file")),
                path => Ok(path.into()),
            })?,
            on_loss: table.read("on_loss", |item| item.word(&LOSS))?.unwrap_or_default(),
            timeout_ms: table
                .read("timeout_ms", |item| match item.whole()? {
                    number @ 1..=MAX_TIMEOUT => Ok(number as u32),
                    _ => Err(item.error("a time-out is 1 to 10000 milliseconds")),
                })?
                .unwrap_or(Self::default().timeout_ms),
            namespace: table.read("namespace", key)?,
            kill_key: table.read("kill_key", key)?,
        })
    }
}

/// A URL that may be shown: policies are kept where secrets are not.
fn url(item: &Item<'_>) -> Result<Box<str>, PolicyError> {
    let url = item.text()?;
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split_once(['/', '?', '#']).map_or(rest, |(authority, _)| authority);
    if authority.contains('@') || rest.contains("pass=") {
        return Err(item
            .error("a policy holds no user and no password")
            .with_hint("give the whole URL in AIRLOCK_REDIS_URL"));
    }
    Ok(url.into())
}

fn key(item: &Item<'_>) -> Result<Box<str>, PolicyError> {
    let text = item.text()?;
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}');
    if text.is_empty() || text.len() > MAX_KEY || !text.bytes().all(is_plain) {
        return Err(item.error("1 to 128 visible ASCII characters without braces"));
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::super::Policy;
    use super::*;

    #[test]
    fn a_store_has_defaults_and_bounds() {
        let store = |text: &str| Policy::from_json(text).map(|policy| policy.store().cloned());
        assert_eq!(store("{}").unwrap(), None);
        assert_eq!(store(r#"{"store": {}}"#).unwrap(), Some(StorePolicy::default()));
        let full = r#"{"store": {"redis": "redis://h:1/0", "ca_file": "ca.pem", "on_loss": "fallback",
            "timeout_ms": 10000, "namespace": "n", "kill_key": "airlock:halt"}}"#;
        let expected = StorePolicy {
            redis: Some("redis://h:1/0".into()),
            ca_file: Some("ca.pem".into()),
            on_loss: OnLoss::Fallback,
            timeout_ms: 10_000,
            namespace: Some("n".into()),
            kill_key: Some("airlock:halt".into()),
        };
        assert_eq!(store(full).unwrap(), Some(expected));
        for (bad, why) in [
            (r#"{"store": {"timeout_ms": 0}}"#, "store.timeout_ms: a time-out is"),
            (r#"{"store": {"timeout_ms": 10001}}"#, "store.timeout_ms: a time-out is"),
            (r#"{"store": {"namespace": ""}}"#, "store.namespace: 1 to 128"),
            (r#"{"store": {"namespace": "a}b"}}"#, "store.namespace: 1 to 128"),
            (r#"{"store": {"ca_file": ""}}"#, "store.ca_file: the path"),
            (r#"{"store": {"kill_key": "a b"}}"#, "store.kill_key: 1 to 128"),
            (r#"{"store": {"redis": "redis://me@h/"}}"#, "store.redis: a policy holds no user"),
            (r#"{"store": {"redis": "unix:///s?pass=x"}}"#, "store.redis: a policy holds no user"),
        ] {
            let error = store(bad).unwrap_err().to_string();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }
}
