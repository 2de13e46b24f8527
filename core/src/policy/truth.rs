//! Three values, and the side on which a condition errs.

/// Three values, so that what is not known can deny but never allow. Ordered: AND is the minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// It does not hold.
    False,
    /// It cannot be told: something is missing, of another type or not to be read.
    Unknown,
    /// It holds.
    True,
}

impl Truth {
    /// The opposite; what is not known stays so.
    pub(super) const fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
            Self::True => Self::False,
        }
    }
}

impl From<bool> for Truth {
    fn from(known: bool) -> Self {
        if known { Self::True } else { Self::False }
    }
}

/// What a condition does when it holds. It follows from the effect of its rule, and each `not`
/// turns it round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// It lets a call pass: every value must satisfy it, in every reading, spelt exactly so.
    Admit,
    /// It holds a call back: one value is enough, in any reading, whatever the case of its letters.
    Refuse,
}

impl Side {
    pub const fn turned(self) -> Self {
        match self {
            Self::Admit => Self::Refuse,
            Self::Refuse => Self::Admit,
        }
    }

    /// What [`join`](Self::join) begins with.
    pub const fn start(self) -> Truth {
        match self {
            Self::Admit => Truth::True,
            Self::Refuse => Truth::False,
        }
    }

    /// Puts the truth of one more value or reading to that of those before it.
    pub fn join(self, all: Truth, one: Truth) -> Truth {
        match self {
            Self::Admit => all.min(one),
            Self::Refuse => all.max(one),
        }
    }
}
