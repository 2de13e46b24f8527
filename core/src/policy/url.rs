//! URLs: scheme, host, port and class of address.
//!
//! Readers of URLs disagree about user information, backslashes, white space, missing slashes and
//! encoded hosts; a URL with one of these is read as none at all, which admits nothing and refuses
//! everything. Names are compared without their case and without a final dot; a name beyond ASCII is
//! not read, so that no letter can pose as another. Nothing is resolved. Worst case: linear in the
//! text.

use alloc::vec::Vec;

use super::address::{self, Classes};
use super::text::{Pool, Text};
use super::truth::{Side, Truth};
use crate::glob::{self, Case};

/// A condition on URLs; all of its parts must hold.
#[derive(Clone, Debug, Default)]
pub(super) struct UrlTest {
    pub schemes: Vec<Text>,
    /// Patterns over names; `*` stays within a label, but for a first label that is nothing else.
    pub hosts: Vec<Text>,
    /// First and last of each range.
    pub ports: Vec<(u16, u16)>,
    pub addresses: Option<Classes>,
}

/// A URL as every reader reads it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Url<'t> {
    scheme: &'t str,
    /// None for schemes without authority.
    host: Option<Host<'t>>,
    port: Option<u16>,
}

#[derive(Clone, Copy, Debug)]
struct Host<'t> {
    /// Without brackets and final dot.
    text: &'t str,
    classes: Classes,
}

impl UrlTest {
    pub fn judge(&self, text: &str, side: Side, pool: &Pool) -> Truth {
        let Some(Url { scheme, host, port }) = Url::read(text) else { return Truth::Unknown };
        let mut truth = Truth::True;
        if !self.schemes.is_empty() {
            truth = self.schemes.iter().any(|s| pool.get(*s).eq_ignore_ascii_case(scheme)).into();
        }
        if !self.ports.is_empty() {
            let fits =
                |port| self.ports.iter().any(|(first, last)| (*first..=*last).contains(&port));
            truth = truth.min(port.map_or(Truth::Unknown, |port| fits(port).into()));
        }
        let Some(host) = host else {
            let about_hosts = !self.hosts.is_empty() || self.addresses.is_some();
            return if side == Side::Admit || about_hosts { Truth::False } else { truth };
        };
        let covers = |pattern: &Text| covers(pool.get(*pattern), host.text);
        if !self.hosts.is_empty() {
            truth = truth.min(self.hosts.iter().any(covers).into());
        }
        match (self.addresses, side) {
            (Some(classes), Side::Admit) => truth.min(host.classes.within(classes).into()),
            (Some(classes), Side::Refuse) => truth.min(host.classes.meets(classes).into()),
            // Only a host that is spelt out may be anything but public.
            (None, Side::Admit) if host.classes != Classes::PUBLIC => {
                let spelt = |pattern: &&Text| !pool.get(**pattern).contains(['*', '?']);
                truth.min(self.hosts.iter().filter(spelt).any(covers).into())
            }
            (None, _) => truth,
        }
    }
}

/// Whether a pattern covers a host, label by label from the right.
fn covers(pattern: &str, host: &str) -> bool {
    let pattern = pattern.strip_suffix('.').unwrap_or(pattern);
    let (mut patterns, mut labels) = (pattern.rsplit('.'), host.rsplit('.'));
    loop {
        match (patterns.next(), labels.next()) {
            (None, None) => return true,
            (Some("*"), Some(_)) if patterns.clone().next().is_none() => return true,
            (Some(pattern), Some(label)) if glob::matches(pattern, label, Case::Fold) => {}
            _ => return false,
        }
    }
}

impl<'t> Url<'t> {
    /// `None` for what is no URL, and for one that is read differently by different readers.
    pub fn read(text: &'t str) -> Option<Self> {
        // White space at the ends and line breaks anywhere are dropped by some readers.
        if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) || text.trim() != text {
            return None;
        }
        let (scheme, rest) = text.split_once(':')?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(plain) {
            return None;
        }
        // A backslash is a slash to some readers, up to the query.
        if rest.split(['?', '#']).next()?.contains('\\') {
            return None;
        }
        let known = default_port(scheme);
        let file = scheme.eq_ignore_ascii_case("file");
        let Some(rest) = rest.strip_prefix("//") else {
            // `http:example.com` is a URL with a host to some readers.
            return (known.is_none() && !file).then_some(Self { scheme, host: None, port: None });
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        if authority.is_empty() {
            return (file || known.is_none()).then_some(Self { scheme, host: None, port: None });
        }
        if authority.contains('@') {
            return None;
        }
        let (host, port) = split_port(authority)?;
        let port = if port.is_empty() { known } else { Some(read_port(port)?) };
        Some(Self { scheme, host: Some(Host::read(host)?), port })
    }
}

impl<'t> Host<'t> {
    /// A name, an IPv4 address in any spelling, or an IPv6 address in brackets.
    pub fn read(host: &'t str) -> Option<Self> {
        if let Some(inner) = host.strip_prefix('[') {
            let text = inner.strip_suffix(']')?;
            return Some(Self { text, classes: address::class_of_v6(address::read_v6(text)?) });
        }
        let text = host.strip_suffix('.').unwrap_or(host);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if text.is_empty() || text.len() > 253 || !text.bytes().all(plain) {
            return None;
        }
        if text.split('.').any(str::is_empty) {
            return None;
        }
        let classes = if address::ends_in_number(text) {
            address::class_of_v4(address::read_v4(text)?)
        } else {
            address::class_of_name(text)
        };
        Some(Self { text, classes })
    }
}

fn split_port(authority: &str) -> Option<(&str, &str)> {
    if authority.starts_with('[') {
        let end = authority.find(']')?.saturating_add(1);
        let (host, rest) = authority.split_at_checked(end)?;
        return if rest.is_empty() {
            Some((host, ""))
        } else {
            Some((host, rest.strip_prefix(':')?))
        };
    }
    Some(authority.split_once(':').unwrap_or((authority, "")))
}

fn read_port(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

fn default_port(scheme: &str) -> Option<u16> {
    const PORTS: [(&str, u16); 5] =
        [("http", 80), ("https", 443), ("ws", 80), ("wss", 443), ("ftp", 21)];
    let found = PORTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(scheme));
    found.map(|(_, port)| *port)
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use proptest::prelude::*;

    use super::*;

    fn test(hosts: &[&str], addresses: Option<Classes>) -> (UrlTest, Pool) {
        let mut pool = Pool::default();
        let schemes = ["https", "http"].iter().map(|s| pool.add(s)).collect();
        let hosts = hosts.iter().map(|host| pool.add(host)).collect();
        (UrlTest { schemes, hosts, ports: Vec::new(), addresses }, pool)
    }

    fn admits(url: &str, hosts: &[&str]) -> bool {
        let (test, pool) = test(hosts, None);
        test.judge(url, Side::Admit, &pool) == Truth::True
    }

    fn refuses(url: &str, hosts: &[&str], addresses: Option<Classes>) -> bool {
        let (test, pool) = test(hosts, addresses);
        test.judge(url, Side::Refuse, &pool) != Truth::False
    }

    #[test]
    fn a_listed_host_is_admitted_and_nothing_that_poses_as_it() {
        let hosts = &["hooks.example.com", "*.pay.example.com"];
        for url in [
            "https://hooks.example.com/x",
            "HTTPS://Hooks.Example.COM:443/",
            "https://hooks.example.com.",
            "https://a.pay.example.com?q=1@b",
            "https://a.b.pay.example.com#x",
            "http://hooks.example.com:8080/a b",
        ] {
            assert!(admits(url, hosts), "{url}");
        }
        for url in [
            "https://hooks.example.com@evil.test/x",
            "https://evil.test#@hooks.example.com",
            "https://evil.test\\@hooks.example.com",
            "https:\\\\hooks.example.com\\x",
            "https:hooks.example.com",
            "https:/hooks.example.com",
            "https:///hooks.example.com",
            "//hooks.example.com",
            "hooks.example.com",
            "https://hooks.example.com.evil.test/",
            "https://evilpay.example.com/",
            "https://pay.example.com/",
            "https://.pay.example.com/",
            "https://a..pay.example.com/",
            "https://hooks.example.com%2eevil.test/",
            "https://hooks%2eexample.com/",
            "https://h\u{43e}oks.example.com/",
            "https://hooks\u{3002}example.com/",
            "https://hooks.example.com\t.evil.test/",
            " https://hooks.example.com/",
            "https://hooks.exa\nmple.com/",
            "https://hooks.example.com:99999/",
            "https://hooks.example.com:80:90/",
            "javascript://hooks.example.com/%0aalert(1)",
            "ftp://hooks.example.com/",
            "https://",
            "",
        ] {
            assert!(!admits(url, hosts), "{url}");
        }
    }

    #[test]
    fn only_public_hosts_are_admitted_without_being_spelt() {
        assert!(admits("https://example.org/", &[]));
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://localhost/",
            "http://10.0.0.1/",
            "http://169.254.169.254/latest/meta-data/",
            "http://169.254.169.254./",
            "http://metadata.google.internal/",
            "http://[fd00:ec2::254]/",
            "http://[fe80::1%25eth0]/",
            "http://intranet/",
        ] {
            assert!(!admits(url, &[]), "{url}");
            assert!(!admits(url, &["*"]), "{url}");
            let inside = Classes::PRIVATE
                .with(Classes::LOOPBACK)
                .with(Classes::LINK_LOCAL)
                .with(Classes::METADATA);
            assert!(refuses(url, &[], Some(inside)), "{url}");
            assert!(!refuses("https://example.org/", &[], Some(inside)));
        }
        assert!(admits("http://10.0.0.1/", &["10.0.0.1"]));
        assert!(admits("http://localhost:3000/", &["localhost"]));
    }

    #[test]
    fn what_is_no_url_is_refused() {
        assert!(refuses("https://evil.test/", &["evil.test"], None));
        assert!(refuses("https://EVIL.test./", &["evil.test"], None));
        assert!(refuses("https://user@good.test/", &["evil.test"], None));
        assert!(!refuses("https://good.test/", &["evil.test"], None));
        assert!(!refuses("mailto:a@b", &["evil.test"], None));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), short in "[a-z0-9:/@.\\[\\]%\\\\#?xX]{0,24}") {
            for text in [text, short] {
                let _ = Url::read(&text);
                prop_assert!(!admits(&text, &["never.example"]));
            }
        }
    }
}
