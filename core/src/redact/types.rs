//! The names of what is detected, and sets of them.

use super::identifiers::IDENTIFIERS;
use super::tokens::TOKENS;

/// What a [`Finding`](super::Finding) is: one row of the detector tables.
///
/// Its [`id`](Self::id) is a contract; the number behind it is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub(super) u8);

macro_rules! written {
    ($($name:ident = $id:literal,)*) => {
        /// Types whose detectors are written out; those of the tables follow them.
        pub(super) const WRITTEN: &[&str] = &[$($id),*];

        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Order { $($name),* }

        impl TypeId {
            $(pub(crate) const $name: Self = Self(Order::$name as u8);)*
        }
    };
}

written! {
    // Secrets first: on a tie the smaller number is the name of a merged finding.
    PRIVATE_KEY = "secret.auth.private_key",
    URL_PASSWORD = "secret.auth.url_password",
    AUTHORIZATION = "secret.auth.authorization",
    COOKIE = "secret.auth.cookie",
    SIGNATURE = "secret.auth.signature",
    JWT = "secret.prefixed.jwt",
    AZURE_SECRET = "secret.prefixed.azure_client_secret",
    TELEGRAM = "secret.prefixed.telegram",
    DISCORD = "secret.prefixed.discord",
    MAILCHIMP = "secret.prefixed.mailchimp",
    TWILIO = "secret.prefixed.twilio",
    TERRAFORM = "secret.prefixed.terraform",
    VAULT = "secret.prefixed.vault",
    PASSWORD = "secret.assigned.password",
    SECRET = "secret.assigned.secret",
    EMAIL = "pii.core.email",
    PHONE = "pii.core.phone",
    IBAN = "pii.core.iban",
    IP = "pii.core.ip",
    MAC = "pii.core.mac",
    BTC = "pii.core.btc",
    ETH = "pii.core.eth",
    CARD = "pii.core.credit_card",
    SSN = "pii.core.us_ssn",
    NATIONAL_ID = "pii.national.id",
    PASSPORT = "pii.weak.passport",
    BANK_ACCOUNT = "pii.weak.bank_account",
    LICENCE = "pii.weak.driving_licence",
    BIRTH_DATE = "pii.weak.birth_date",
}

const FIRST_IDENTIFIER: usize = WRITTEN.len();
const FIRST_TOKEN: usize = FIRST_IDENTIFIER + IDENTIFIERS.len();
const COUNT: usize = FIRST_TOKEN + TOKENS.len();
const _: () = assert!(COUNT <= 256, "a type is one byte");

impl TypeId {
    /// The type of row `row` of [`IDENTIFIERS`].
    pub(super) const fn identifier(row: usize) -> Self {
        Self((FIRST_IDENTIFIER + row) as u8)
    }

    /// The type of row `row` of [`TOKENS`].
    pub(super) const fn token(row: usize) -> Self {
        Self((FIRST_TOKEN + row) as u8)
    }

    /// Every type. Several detectors of one vendor may share an id.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..COUNT).map(|number| Self(number as u8))
    }

    /// `group.type`, as in policies, on the command line and in reports.
    #[must_use]
    pub const fn id(self) -> &'static str {
        let number = self.0 as usize;
        if number < FIRST_IDENTIFIER {
            WRITTEN[number]
        } else if number < FIRST_TOKEN {
            IDENTIFIERS[number - FIRST_IDENTIFIER].id
        } else if number < COUNT {
            TOKENS[number - FIRST_TOKEN].id
        } else {
            ""
        }
    }

    /// Its row of [`IDENTIFIERS`], if it has one.
    pub(super) fn row(self) -> Option<usize> {
        let row = usize::from(self.0).checked_sub(FIRST_IDENTIFIER)?;
        (row < IDENTIFIERS.len()).then_some(row)
    }

    /// The id's last part: `email` of `pii.core.email`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.id().rsplit('.').next().unwrap_or("")
    }

    /// Whether it is a credential rather than personal data.
    #[must_use]
    pub fn is_secret(self) -> bool {
        self.id().starts_with("secret.")
    }
}

/// The lengths, first and last letters of the names of types: most capitals in brackets are none.
static NAMED: [u64; 32] = {
    let mut set = [0; 32];
    let mut number = 0;
    while number < COUNT {
        let id = TypeId(number as u8).id().as_bytes();
        let mut start = id.len();
        while id[start - 1] != b'.' {
            start -= 1;
        }
        let key = shape(id.len() - start, id[start], id[id.len() - 1]);
        set[key >> 6] |= 1 << (key & 63);
        number += 1;
    }
    set
};

/// The same for capitals and small letters.
const fn shape(len: usize, first: u8, last: u8) -> usize {
    (len << 6 ^ (first as usize & 31) << 6 ^ (first as usize & 31) << 3 ^ last as usize & 31) & 2047
}

/// Whether `label` is the name of a type, ASCII case ignored.
pub(super) fn is_name(label: &[u8]) -> bool {
    let (Some(&first), Some(&last)) = (label.first(), label.last()) else {
        return false;
    };
    let key = shape(label.len(), first, last);
    NAMED.get(key >> 6).is_some_and(|set| set >> (key & 63) & 1 == 1)
        && TypeId::all().any(|id| label.eq_ignore_ascii_case(id.name().as_bytes()))
}

/// How many values of each type were masked.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    by_type: [u32; 256],
    total: usize,
}

impl Default for Counts {
    fn default() -> Self {
        Self::new()
    }
}

impl Counts {
    /// None of any.
    #[must_use]
    pub const fn new() -> Self {
        Self { by_type: [0; 256], total: 0 }
    }

    /// Counts one more value.
    pub fn add(&mut self, id: TypeId) {
        if let Some(count) = self.by_type.get_mut(usize::from(id.0)) {
            *count = count.saturating_add(1);
            self.total = self.total.saturating_add(1);
        }
    }

    /// How many there are of all types.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.total
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        if self.total > 0 {
            *self = Self::new();
        }
    }

    /// The types that were met, each with its count.
    pub fn iter(&self) -> impl Iterator<Item = (TypeId, u32)> {
        let all = TypeId::all().zip(&self.by_type).take_while(|_| self.total > 0);
        all.filter(|&(_, &count)| count > 0).map(|(id, &count)| (id, count))
    }
}

/// A set of types: which detectors run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Types([u64; 4]);

impl Types {
    /// No type.
    pub const NONE: Self = Self([0; 4]);
    /// Every type.
    pub const ALL: Self = Self::NONE.with("secret").with("pii");
    /// What a guard masks unless its policy says otherwise. Addresses of mail and machines are not in
    /// it: masking every one of them breaks mail, CRM, git and DNS tools.
    pub const GUARD_DEFAULT: Self = Self::NONE
        .with("secret")
        .with("pii.core")
        .with("pii.national")
        .without("pii.core.email")
        .without("pii.core.ip")
        .without("pii.core.mac");

    /// This set and the types named `name`: an id, or the group before a dot of ids. A name that
    /// nothing has adds nothing; [`parse`](Self::parse) refuses it.
    #[must_use]
    pub const fn with(self, name: &str) -> Self {
        self.set(name, true)
    }

    /// This set without the types named `name`.
    #[must_use]
    pub const fn without(self, name: &str) -> Self {
        self.set(name, false)
    }

    /// The types of both sets.
    #[cfg(feature = "alloc")]
    pub(crate) fn or(self, other: Self) -> Self {
        let mut both = self;
        both.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
        both
    }

    /// Reads names in order, each adding to the set or, after a `-`, removing from it. A list that
    /// begins with a removal removes from [`ALL`](Self::ALL), another begins with nothing.
    ///
    /// ```
    /// use airlock_core::redact::Types;
    /// let types = Types::parse(["secret", "pii.core", "-pii.core.ip"]).unwrap();
    /// assert_eq!(types, Types::NONE.with("secret").with("pii.core").without("pii.core.ip"));
    /// ```
    ///
    /// # Errors
    /// The first name that neither a type nor a group has.
    pub fn parse<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, UnknownType<'n>> {
        let mut set = None;
        for name in names {
            let removed = name.strip_prefix('-');
            let plain = removed.unwrap_or(name);
            if !TypeId::all().any(|id| names_type(plain, id.id())) {
                return Err(UnknownType(plain));
            }
            let so_far = set.unwrap_or(if removed.is_some() { Self::ALL } else { Self::NONE });
            set = Some(so_far.set(plain, removed.is_none()));
        }
        Ok(set.unwrap_or(Self::NONE))
    }

    /// Whether `id` is in the set.
    #[inline]
    #[must_use]
    pub const fn contains(self, id: TypeId) -> bool {
        self.0[(id.0 >> 6) as usize] >> (id.0 & 63) & 1 == 1
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0[0] | self.0[1] | self.0[2] | self.0[3] == 0
    }

    const fn set(mut self, name: &str, on: bool) -> Self {
        let mut number = 0;
        while number < COUNT {
            if names_type(name, TypeId(number as u8).id()) {
                let bit = 1 << (number & 63);
                if on {
                    self.0[number >> 6] |= bit;
                } else {
                    self.0[number >> 6] &= !bit;
                }
            }
            number += 1;
        }
        self
    }
}

/// A name that no type and no group has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownType<'n>(pub &'n str);

impl core::fmt::Display for UnknownType<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "no type or group is called {:?}", self.0)
    }
}

impl core::error::Error for UnknownType<'_> {}

/// Whether `name` is `id` or ends before one of its dots.
const fn names_type(name: &str, id: &str) -> bool {
    let (name, id) = (name.as_bytes(), id.as_bytes());
    if name.is_empty() || name.len() > id.len() {
        return false;
    }
    let mut at = 0;
    while at < name.len() {
        if name[at] != id[at] {
            return false;
        }
        at += 1;
    }
    at == id.len() || id[at] == b'.'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_group_and_a_name() {
        const GROUPS: [&str; 6] = [
            "pii.core.",
            "pii.national.",
            "pii.weak.",
            "secret.prefixed.",
            "secret.auth.",
            "secret.assigned.",
        ];
        for id in TypeId::all() {
            assert!(GROUPS.iter().any(|group| id.id().starts_with(group)), "{}", id.id());
            assert!(Types::ALL.contains(id));
        }
    }

    #[test]
    fn lists_add_and_remove_in_order() {
        let types = Types::parse(["secret", "pii.core", "-pii.core.ip"]).unwrap();
        assert!(types.contains(TypeId::PASSWORD) && types.contains(TypeId::EMAIL));
        assert!(!types.contains(TypeId::IP) && !types.contains(TypeId::PASSPORT));
        assert_eq!(Types::parse(["-pii"]).unwrap(), Types::NONE.with("secret"));
        assert_eq!(Types::parse(["pii.cor"]), Err(UnknownType("pii.cor")), "a dot ends a group");
        assert_eq!(Types::parse([""]), Err(UnknownType("")));
        assert!(Types::parse([]).unwrap().is_empty());
        assert!(!Types::GUARD_DEFAULT.contains(TypeId::EMAIL));
        assert!(Types::GUARD_DEFAULT.contains(TypeId::CARD));
    }
}
