//! What is shown although a detector finds it.
//!
//! An entry is a word for its kind and a text: `domain:example.com`, `network:10.0.0.0/8`. Entries are
//! compared with findings only, of which there are few, so a list is searched from its beginning. Worst
//! case: [`MOST`] comparisons a finding.

use core::fmt;
use core::net::{IpAddr, Ipv6Addr};

use super::TypeId;
use super::bytes::DIGITS;
use crate::buf::{Buf, Full};

/// Most entries of a list.
pub const MOST: usize = 1024;
/// Most entries of kind `path`.
const MOST_PATHS: usize = 64;

/// The kinds of entries by their words.
const KINDS: [(&str, Kind); 5] = [
    ("value", Kind::Value),
    ("prefix", Kind::Prefix),
    ("domain", Kind::Domain),
    ("network", Kind::Network),
    ("path", Kind::Path),
];
/// The entry that stands for values which documentation uses.
const EXAMPLES: &str = "examples";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Value,
    Prefix,
    Domain,
    Network,
    Path,
    Examples,
}

/// One entry of an [`AllowList`]. Opaque: it is public so that storage for it can be lent.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowEntry {
    kind: Kind,
    /// How many leading bits of a network count.
    bits: u8,
    start: u32,
    end: u32,
}

/// Values that are never masked.
///
/// | entry | what it allows |
/// | --- | --- |
/// | `value:TEXT` | findings that are exactly this text |
/// | `prefix:TEXT` | findings that begin with it |
/// | `domain:NAME` | mail addresses at this domain, at its subdomains when it is `*.NAME` |
/// | `network:CIDR` | IP addresses in this network (RFC 4632, RFC 4291), or one address |
/// | `path:POINTER` | in JSON: what stands there or below (RFC 6901), `*` for any one name or index |
/// | `examples` | what documentation is made of: the domains of RFC 2606, the networks of RFC 5737 and RFC 3849, the example keys of AWS, Stripe and jwt.io, test card numbers |
#[derive(Debug)]
pub struct AllowList<'m> {
    pool: Buf<'m, u8>,
    entries: Buf<'m, AllowEntry>,
}

/// A longer value is masked whatever the list says: a stream has not kept the whole of it.
const LONGEST_VALUE: usize = 3072;

/// A view of an [`AllowList`]; the default allows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allow<'a> {
    pub(super) pool: &'a [u8],
    pub(super) entries: &'a [AllowEntry],
}

/// Why an entry cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AllowError {
    /// Nothing follows the kind.
    Empty,
    /// The list is full: it has 1,024 entries, 64 paths, or the storage that was lent.
    Full,
    /// No kind is called so.
    Kind,
    /// It is neither an address nor a network in CIDR notation.
    Network,
    /// It does not begin with `/`.
    Path,
}

impl fmt::Display for AllowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "nothing follows the colon",
            Self::Full => "the list is full: it has at most 1,024 entries, 64 of them paths",
            Self::Kind => {
                "an entry begins with `value:`, `prefix:`, `domain:`, `network:` or `path:`, or is \
                 `examples`"
            }
            Self::Network => "a network is written as 10.0.0.0/8 or 2001:db8::/32",
            Self::Path => "a path begins with `/`, as in `path:/users/*/email`",
        })
    }
}

impl core::error::Error for AllowError {}

#[cfg(feature = "alloc")]
impl Default for AllowList<'_> {
    fn default() -> Self {
        Self::growable()
    }
}

impl<'m> AllowList<'m> {
    /// An empty list over lent storage.
    #[must_use]
    pub const fn lent(pool: &'m mut [u8], entries: &'m mut [AllowEntry]) -> Self {
        Self { pool: Buf::lent(pool), entries: Buf::lent(entries) }
    }

    /// An empty list that grows.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub const fn growable() -> Self {
        Self { pool: Buf::growable(), entries: Buf::growable() }
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// When it cannot be one; the list is as it was.
    pub fn add(&mut self, entry: &str) -> Result<(), AllowError> {
        if entry == EXAMPLES {
            return self.push(Kind::Examples, 0, &[]);
        }
        let (word, text) = entry.split_once(':').ok_or(AllowError::Kind)?;
        let known = KINDS.iter().find(|(name, _)| *name == word);
        let &(_, kind) = known.ok_or(AllowError::Kind)?;
        if text.is_empty() {
            return Err(AllowError::Empty);
        }
        match kind {
            Kind::Network => {
                let (address, bits) = network(text).ok_or(AllowError::Network)?;
                self.push(kind, bits, &address.octets())
            }
            Kind::Path if !text.starts_with('/') => Err(AllowError::Path),
            Kind::Path if self.view().of(kind).count() == MOST_PATHS => Err(AllowError::Full),
            Kind::Domain => self.push(kind, 0, text.trim_start_matches('@').as_bytes()),
            _ => self.push(kind, 0, text.as_bytes()),
        }
    }

    /// The list as a [`Redactor`](super::Redactor) takes it.
    #[must_use]
    pub fn view(&self) -> Allow<'_> {
        Allow { pool: &self.pool, entries: &self.entries }
    }

    fn push(&mut self, kind: Kind, bits: u8, text: &[u8]) -> Result<(), AllowError> {
        if self.entries.len() == MOST {
            return Err(AllowError::Full);
        }
        let full = |Full| AllowError::Full;
        let at = |len: usize| u32::try_from(len).map_err(|_| AllowError::Full);
        let start = self.pool.len();
        let entry = AllowEntry {
            kind,
            bits,
            start: at(start)?,
            end: at(start.saturating_add(text.len()))?,
        };
        self.pool.extend(text).map_err(full)?;
        self.entries.push(entry).map_err(|Full| {
            self.pool.truncate(start);
            AllowError::Full
        })
    }
}

impl<'a> Allow<'a> {
    /// Whether nothing is allowed.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.entries.is_empty()
    }

    fn text(self, entry: &AllowEntry) -> &'a [u8] {
        self.pool.get(entry.start as usize..entry.end as usize).unwrap_or(&[])
    }

    fn of(self, kind: Kind) -> impl Iterator<Item = &'a [u8]> {
        let entries = self.entries.iter().filter(move |entry| entry.kind == kind);
        entries.map(move |entry| self.text(entry))
    }

    /// The pointers of the entries of kind `path`, at most 64.
    pub(super) fn paths(self) -> impl Iterator<Item = &'a str> {
        self.of(Kind::Path).map(|path| core::str::from_utf8(path).unwrap_or(""))
    }

    /// Whether the finding `value` of type `id` may be shown.
    pub(super) fn permits(self, id: TypeId, value: &[u8]) -> bool {
        value.len() <= LONGEST_VALUE
            && self.entries.iter().any(|entry| {
                let text = self.text(entry);
                match entry.kind {
                    Kind::Value => value == text,
                    Kind::Prefix => value.starts_with(text),
                    Kind::Domain => id == TypeId::EMAIL && is_at(value, text),
                    Kind::Network => id == TypeId::IP && is_in(value, text, entry.bits),
                    Kind::Path => false,
                    Kind::Examples => is_example(id, value),
                }
            })
    }
}

/// Whether the mail address is at the domain.
fn is_at(address: &[u8], domain: &[u8]) -> bool {
    let Some(at) = memchr::memrchr(b'@', address) else {
        return false;
    };
    let host = address.get(at + 1..).unwrap_or(&[]);
    match domain.strip_prefix(b"*") {
        // The full stop before the name is part of what is compared.
        Some(name) => host.len().checked_sub(name.len()).is_some_and(|at| {
            at > 0 && host.get(at..).is_some_and(|tail| tail.eq_ignore_ascii_case(name))
        }),
        None => host.eq_ignore_ascii_case(domain),
    }
}

/// An address as IPv6, IPv4 mapped into it (RFC 4291 section 2.5.5.2).
fn mapped(text: &str) -> Option<(Ipv6Addr, u8)> {
    match text.parse().ok()? {
        IpAddr::V4(address) => Some((address.to_ipv6_mapped(), 96)),
        IpAddr::V6(address) => Some((address, 0)),
    }
}

fn network(text: &str) -> Option<(Ipv6Addr, u8)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let (address, offset) = mapped(address)?;
    let bits = match bits {
        Some(bits) => bits.parse::<u8>().ok()?.checked_add(offset)?,
        None => 128,
    };
    (bits <= 128).then_some((address, bits))
}

fn is_in(value: &[u8], network: &[u8], bits: u8) -> bool {
    let Some((address, _)) = core::str::from_utf8(value).ok().and_then(mapped) else {
        return false;
    };
    let number = |octets: &[u8]| octets.iter().fold(0_u128, |n, &b| n << 8 | u128::from(b));
    let differing = number(&address.octets()) ^ number(network);
    differing.leading_zeros() >= u32::from(bits)
}

/// Whether it is made for documentation and tests, by those who assign such values.
fn is_example(id: TypeId, value: &[u8]) -> bool {
    // Pieces are joined here so that no scanner takes this file for a leak.
    const KEYS: [&str; 4] = [
        // AWS, "Managing access keys".
        concat!("AKIA", "IOSFODNN7", "EXAMPLE"),
        concat!("wJalrXUtnFEMI/K7MDENG", "/bPxRfiCY", "EXAMPLEKEY"),
        // Stripe, "API reference, authentication".
        concat!("sk_test_", "4eC39HqLyjWDarjtT1zdp7dc"),
        concat!("sk_test_", "BQokikJOvBiI2HlWgH4olfQ2"),
    ];
    // The token on jwt.io: the subject 1234567890, called John Doe.
    const JWT: &str = concat!(
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.",
        "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lI"
    );
    // Test numbers that Stripe, Adyen and PayPal document.
    const CARDS: [&str; 14] = [
        "4242424242424242",
        "4111111111111111",
        "4012888888881881",
        "4000056655665556",
        "5555555555554444",
        "5105105105105100",
        "5200828282828210",
        "2223003122003222",
        "378282246310005",
        "371449635398431",
        "6011111111111117",
        "6011000990139424",
        "30569309025904",
        "3530111333300000",
    ];
    // RFC 2606 section 2 and 3.
    const DOMAINS: [&str; 10] = [
        "example.com",
        "example.net",
        "example.org",
        "*.example.com",
        "*.example.net",
        "*.example.org",
        "*.example",
        "*.test",
        "*.invalid",
        "*.localhost",
    ];
    // RFC 5737 section 3, RFC 3849 section 2.
    const NETWORKS: [&str; 4] =
        ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"];
    match id {
        TypeId::EMAIL => DOMAINS.iter().any(|domain| is_at(value, domain.as_bytes())),
        TypeId::IP => NETWORKS
            .iter()
            .filter_map(|text| network(text))
            .any(|(address, bits)| is_in(value, &address.octets(), bits)),
        TypeId::CARD => {
            let digits = || value.iter().copied().filter(|&byte| DIGITS.has(byte));
            CARDS.iter().any(|card| digits().eq(card.bytes()))
        }
        _ => value.starts_with(JWT.as_bytes()) || KEYS.iter().any(|key| value == key.as_bytes()),
    }
}

#[cfg(test)]
#[cfg(feature = "alloc")]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> AllowList<'static> {
        let mut list = AllowList::growable();
        entries.iter().for_each(|entry| list.add(entry).unwrap());
        list
    }

    #[test]
    fn each_kind_allows_what_it_says() {
        for (entry, id, yes, no) in [
            ("value:ann@acme.io", TypeId::EMAIL, "ann@acme.io", "bann@acme.io"),
            ("prefix:pk_live_", TypeId::SECRET, "pk_live_51H", "sk_live_51H"),
            ("domain:acme.io", TypeId::EMAIL, "ann@ACME.io", "ann@eu.acme.io"),
            ("domain:@acme.io", TypeId::EMAIL, "ann@acme.io", "ann@bacme.io"),
            ("domain:*.acme.io", TypeId::EMAIL, "ann@eu.acme.io", "ann@acme.io"),
            ("domain:*.acme.io", TypeId::EMAIL, "ann@a.b.acme.io", "ann@bacme.io"),
            ("network:203.0.0.0/9", TypeId::IP, "203.127.1.2", "203.128.1.2"),
            ("network:198.51.100.7", TypeId::IP, "198.51.100.7", "198.51.100.8"),
            ("network:2a00::/12", TypeId::IP, "2a0f::1", "2a10::1"),
            ("network:0.0.0.0/0", TypeId::IP, "8.8.8.8", "2a00::1"),
            ("examples", TypeId::IP, "2001:db8::7", "2001:db9::7"),
            ("examples", TypeId::EMAIL, "a@mail.example.org", "a@myexample.org"),
            ("examples", TypeId::CARD, "4242 4242 4242 4242", "4242 4242 4242 4259"),
        ] {
            let list = list(&[entry]);
            assert!(list.view().permits(id, yes.as_bytes()), "{entry} {yes}");
            assert!(!list.view().permits(id, no.as_bytes()), "{entry} {no}");
            assert!(!Allow::default().permits(id, yes.as_bytes()));
        }
        let domain = list(&["domain:acme.io"]);
        assert!(
            !domain.view().permits(TypeId::PASSWORD, b"pw@acme.io"),
            "a password is no address"
        );
        let aws = concat!("AKIA", "IOSFODNN7", "EXAMPLE");
        assert!(list(&["examples"]).view().permits(TypeId::SECRET, aws.as_bytes()));
    }

    #[test]
    fn what_cannot_be_an_entry_says_why() {
        let mut list = AllowList::growable();
        for (entry, want) in [
            ("acme.io", AllowError::Kind),
            ("domains:acme.io", AllowError::Kind),
            ("value:", AllowError::Empty),
            ("network:10.0.0.0/33", AllowError::Network),
            ("network:10.0.0/8", AllowError::Network),
            ("network:::/129", AllowError::Network),
            ("path:users", AllowError::Path),
        ] {
            assert_eq!(list.add(entry), Err(want), "{entry}");
        }
        assert!(list.view().is_empty());
        for _ in 0..MOST_PATHS {
            list.add("path:/a").unwrap();
        }
        assert_eq!(list.add("path:/a"), Err(AllowError::Full));
        let (mut pool, mut entries) = ([0; 4], [AllowEntry::default(); 1]);
        let mut list = AllowList::lent(&mut pool, &mut entries);
        assert_eq!(list.add("value:12345"), Err(AllowError::Full));
        assert_eq!(list.add("value:1234"), Ok(()));
        assert_eq!(list.add("value:"), Err(AllowError::Empty));
    }
}
